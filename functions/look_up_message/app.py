"""GET /messages and /messages/{messageId}: tells what became of messages."""

from sms_bridge.api.authentication import require_look_up
from sms_bridge.api.errors import Code, RefusedError
from sms_bridge.api.look_up import look_up_answer, page_answer, read_wanted, way_of
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import Response, answers_http, json_response
from sms_bridge.providers.eightx8_log import DetailsFailedError, MessageDetails
from sms_bridge.services.look_up import LookUp
from sms_bridge.settings import LookUpSettings, read_settings
from sms_bridge.startup import finish_loading
from sms_bridge.storage.aws_calls import aws_client
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.secret import SecretSource

settings = read_settings(LookUpSettings)
secrets = SecretSource(
    aws_client("secretsmanager"),
    settings.bridge_secret_arn,
    max_age_seconds=settings.secret_max_age_seconds,
)
look_up = LookUp(
    messages=DynamoDBMessages(aws_client("dynamodb"), settings.messages_table),
    details=MessageDetails(settings.eightx8_base_url, secrets),
    sub_account_ids=settings.sub_account_ids,
)
finish_loading()


@answers_http
def handler(request: HttpRequest) -> Response:
    """Check who asks, and tell; recipients' numbers are masked unless the token allows it."""
    secret = secrets.get()
    full_number = require_look_up(request, secret.look_up_tokens, secret.full_number_tokens)
    message_id = request.path_parameters.get("messageId", "")
    if not message_id and way_of(request) != "umid":
        page = look_up.page(read_wanted(request), hash_key=secret.hash_key)
        return json_response(page_answer(page, full_number=full_number))
    try:
        found = look_up.by_id(message_id) if message_id else look_up.by_umid(request.query("umid"))
    except DetailsFailedError as failure:
        raise RefusedError(failure.code, f"{failure}.") from None
    if found is None:
        raise RefusedError(Code.MESSAGE_NOT_FOUND, "There is no message with this id.")
    return json_response(look_up_answer(found, full_number=full_number))
