"""A hostname of one's own: parameters, records, outputs, and what is refused."""

import pytest

from sms_bridge.api.authentication import callback_url
from tests.template.conftest import Template
from tests.template.evaluated import Evaluated

DOMAIN = {
    "DomainName": "sms.example.com",
    "CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/4f1c-9a",
}
ZONE = {"HostedZoneId": "Z0123456789ABC"}
OWN = {"ApiDomain", "ApiDomainMapping"}
RECORDS = {"ApiDomainIpv4Record", "ApiDomainIpv6Record"}


def test_without_a_domain_all_urls_are_those_of_aws(template: Template) -> None:
    plain = Evaluated(template)
    host = "https://<HttpApi>.execute-api.eu-central-1.amazonaws.com"

    assert plain.complaints == []
    assert not (OWN | RECORDS) & set(plain.resources)
    assert plain.outputs["SendUrl"] == f"{host}/api/v1/subaccounts/acme/messages"
    assert plain.outputs["CallbackUrl"] == f"{host}/callbacks/8x8"
    assert plain.outputs["LookUpUrl"] == f"{host}/messages/"
    assert "DomainTarget" not in plain.outputs
    assert plain.resources["HttpApi"]["DisableExecuteApiEndpoint"] is False


def test_with_a_domain_all_urls_are_its_own(template: Template) -> None:
    own = Evaluated(template, DOMAIN)

    assert own.complaints == []
    assert own.outputs["SendUrl"] == "https://sms.example.com/api/v1/subaccounts/acme/messages"
    assert own.outputs["CallbackUrl"] == "https://sms.example.com/callbacks/8x8"
    assert own.outputs["LookUpUrl"] == "https://sms.example.com/messages/"


def test_the_domain_leads_to_the_api_under_its_certificate(template: Template) -> None:
    resources = Evaluated(template, DOMAIN).resources

    [configuration] = resources["ApiDomain"]["DomainNameConfigurations"]
    assert configuration["CertificateArn"] == DOMAIN["CertificateArn"]
    assert configuration["SecurityPolicy"] == "TLS_1_2"
    assert resources["ApiDomainMapping"] == {
        "ApiId": "<HttpApi>",
        "DomainName": "<ApiDomain>",
        "Stage": "<HttpApi.Stage>",
    }


def test_records_are_made_where_there_is_a_zone(template: Template) -> None:
    own = Evaluated(template, {**DOMAIN, **ZONE})

    records = [own.resources[name] for name in sorted(RECORDS)]

    assert [record["Type"] for record in records] == ["A", "AAAA"]
    for record in records:
        assert record["Name"] == "sms.example.com"
        assert record["HostedZoneId"] == ZONE["HostedZoneId"]
        assert record["AliasTarget"] == {
            "DNSName": "<ApiDomain.RegionalDomainName>",
            "HostedZoneId": "<ApiDomain.RegionalHostedZoneId>",
        }
    assert "DomainTarget" not in own.outputs


def test_without_a_zone_an_output_says_what_to_make(template: Template) -> None:
    own = Evaluated(template, DOMAIN)

    assert not RECORDS & set(own.resources)
    assert own.outputs["DomainTarget"] == "<ApiDomain.RegionalDomainName>"


@pytest.mark.parametrize(
    ("parameters", "base"),
    [
        ({}, ""),
        # A domain alone leaves the registered webhook in use.
        (DOMAIN, ""),
        ({**DOMAIN, "CallbackBaseUrl": "domain"}, "https://sms.example.com"),
        ({"CallbackBaseUrl": "https://other.example.com"}, "https://other.example.com"),
    ],
)
def test_callbacks_of_each_message_go_to_the_domain_on_demand(
    template: Template, parameters: dict[str, str], base: str
) -> None:
    own = Evaluated(template, parameters)

    variables = own.resources["SendSms"]["Environment"]["Variables"]

    assert own.complaints == []
    assert variables["CALLBACK_BASE_URL"] == base
    if base == "https://sms.example.com":
        url = callback_url(base, ("token",))
        assert url.partition("?")[0] == own.outputs["CallbackUrl"]


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"DomainName": "sms.example.com"}, "DomainName needs a CertificateArn."),
        ({"CertificateArn": DOMAIN["CertificateArn"]}, "CertificateArn is for a DomainName"),
        (ZONE, "HostedZoneId is for a DomainName"),
        ({"ExecuteApiEndpoint": "disabled"}, "the API has no other endpoint"),
        ({"CallbackBaseUrl": "domain"}, "CallbackBaseUrl is to be that of DomainName"),
    ],
)
def test_what_does_not_go_together_is_refused(
    template: Template, parameters: dict[str, str], complaint: str
) -> None:
    [said] = Evaluated(template, parameters).complaints

    assert complaint in said


def test_the_endpoint_of_aws_can_be_closed_once_nobody_uses_it(template: Template) -> None:
    own = Evaluated(template, {**DOMAIN, "ExecuteApiEndpoint": "disabled"})

    assert own.complaints == []
    assert own.resources["HttpApi"]["DisableExecuteApiEndpoint"] is True
