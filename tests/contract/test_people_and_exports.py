"""What every list of opt-outs promises, and every memory of 8x8's exports."""

from dataclasses import replace
from itertools import permutations

import pytest

from sms_bridge.domain.opt_out import OptRequest
from sms_bridge.domain.reconciliation import ExportJob
from sms_bridge.services.interfaces import ExportJobs, OptOuts
from tests.builders import AT, NUMBER, a_person

EARLY, LATE, LATEST = (AT + 60 * minute for minute in range(3))


class TestOptOuts:
    def test_nobody_is_opted_out_who_did_not_ask_for_it(self, opt_outs: OptOuts) -> None:
        assert not opt_outs.is_opted_out(a_person())

    def test_an_opt_out_holds_for_one_person_and_one_sub_account(self, opt_outs: OptOuts) -> None:
        opt_outs.record(a_person(), OptRequest.OPT_OUT, EARLY)

        assert opt_outs.is_opted_out(a_person())
        assert opt_outs.is_opted_out(a_person(NUMBER.removeprefix("+")))
        assert not opt_outs.is_opted_out(a_person(sub_account_id="another"))
        assert not opt_outs.is_opted_out(a_person(NUMBER + "1"))
        assert not opt_outs.is_opted_out(a_person(hash_key="another key"))

    @pytest.mark.parametrize(
        "order",
        list(
            permutations(
                [
                    (OptRequest.OPT_OUT, EARLY),
                    (OptRequest.OPT_IN, LATE),
                    (OptRequest.OPT_OUT, LATEST),
                ]
            )
        ),
    )
    def test_the_latest_request_holds_in_whatever_order_they_come(
        self, opt_outs: OptOuts, order: tuple[tuple[OptRequest, float], ...]
    ) -> None:
        for opt_request, at in order:
            opt_outs.record(a_person(), opt_request, at)

        assert opt_outs.is_opted_out(a_person())

    def test_many_are_looked_up_at_once(self, opt_outs: OptOuts) -> None:
        people = [a_person(f"+65{90_000_000 + number}") for number in range(130)]
        for person in people[::10]:
            opt_outs.record(person, OptRequest.OPT_OUT, EARLY)
        opt_outs.record(people[0], OptRequest.OPT_IN, LATE)
        _, recipient_hash = people[1]
        opt_outs.record(("another", recipient_hash), OptRequest.OPT_OUT, EARLY)

        assert opt_outs.opted_out_among([*people, *people[:15]]) == set(people[10::10])
        assert opt_outs.opted_out_among([]) == set()

    def test_who_opts_in_again_is_no_longer_out(self, opt_outs: OptOuts) -> None:
        opt_outs.record(a_person(), OptRequest.OPT_OUT, EARLY)
        opt_outs.record(a_person(), OptRequest.OPT_IN, LATE)
        opt_outs.record(a_person(), OptRequest.OPT_IN, LATE)

        assert not opt_outs.is_opted_out(a_person())


class TestExportJobs:
    JOB = ExportJob("acme", "job-1", EARLY, LATE)

    def test_an_export_is_remembered_for_its_sub_account(self, export_jobs: ExportJobs) -> None:
        assert export_jobs.get("acme") is None

        export_jobs.put(self.JOB)

        assert export_jobs.get("acme") == self.JOB
        assert export_jobs.get("another") is None

    def test_the_last_one_counts(self, export_jobs: ExportJobs) -> None:
        export_jobs.put(self.JOB)
        newer = replace(self.JOB, job_id="job-2", asked_at=LATEST)
        export_jobs.put(newer)

        assert export_jobs.get("acme") == newer

    def test_one_that_is_read_is_forgotten(self, export_jobs: ExportJobs) -> None:
        export_jobs.put(self.JOB)
        for _ in range(2):
            export_jobs.remove("acme")

        assert export_jobs.get("acme") is None
