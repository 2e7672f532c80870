"""What every list of opt-outs promises, every count of replies, and every memory of exports."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest

from sms_bridge.domain.opt_out import EVERY_SUB_ACCOUNT, OptOutScope, OptRequest
from sms_bridge.domain.reconciliation import ExportJob
from sms_bridge.services.interfaces import MessageStore, OptOuts
from tests.builders import AT, NUMBER, a_person

OptOutsOf = Callable[[OptOutScope], OptOuts]
OUT, IN = OptRequest.OPT_OUT, OptRequest.OPT_IN

EARLY, LATE, LATEST = (AT + 60 * minute for minute in range(3))


class TestOptOuts:
    def test_nobody_is_opted_out_who_did_not_ask_for_it(self, opt_outs: OptOuts) -> None:
        assert not opt_outs.is_opted_out(a_person())

    def test_an_opt_out_holds_for_one_person(self, opt_outs: OptOuts) -> None:
        opt_outs.record(a_person(), OUT, EARLY)

        assert opt_outs.is_opted_out(a_person())
        assert opt_outs.is_opted_out(a_person(NUMBER.removeprefix("+")))
        assert not opt_outs.is_opted_out(a_person(NUMBER + "1"))
        assert not opt_outs.is_opted_out(a_person(hash_key="another key"))

    @pytest.mark.parametrize("scope", list(OptOutScope))
    def test_it_holds_for_the_sub_account_or_for_all_as_the_deployment_says(
        self, scope: OptOutScope, opt_outs_of: OptOutsOf
    ) -> None:
        opt_outs, other = opt_outs_of(scope), a_person(sub_account_id="another")
        opt_outs.record(a_person(), OUT, EARLY)

        assert opt_outs.is_opted_out(a_person())
        assert opt_outs.is_opted_out(other) is (scope is OptOutScope.STACK)
        assert (other in opt_outs.opted_out_among([a_person(), other])) is (
            scope is OptOutScope.STACK
        )

        opt_outs.record(other, IN, LATE)

        assert opt_outs.is_opted_out(a_person()) is (scope is OptOutScope.SUB_ACCOUNT)

    @pytest.mark.parametrize("scope", list(OptOutScope))
    def test_it_holds_however_the_operator_writes_the_sub_account(
        self, scope: OptOutScope, opt_outs_of: OptOutsOf
    ) -> None:
        opt_outs = opt_outs_of(scope)
        one, other = (a_person(sub_account_id=name) for name in ("Acme_News", "acme_news"))
        opt_outs.record(one, OUT, EARLY)

        assert opt_outs.is_opted_out(other)
        assert opt_outs.opted_out_among([one, other]) == {one, other}

        opt_outs.record(other, IN, LATE)

        assert not opt_outs.is_opted_out(one)

    @pytest.mark.parametrize("scope", list(OptOutScope))
    def test_no_opt_out_is_lost_when_the_scope_is_changed(
        self, scope: OptOutScope, opt_outs_of: OptOutsOf
    ) -> None:
        opt_outs_of(scope).record(a_person(), OUT, EARLY)
        opt_outs_of(scope).record(a_person(sub_account_id="another"), IN, LATE)

        # Of one sub-account it was never taken back.
        assert opt_outs_of(OptOutScope.SUB_ACCOUNT).is_opted_out(a_person())
        # What one sub-account was asked for again says nothing of the others.
        is_out = opt_outs_of(OptOutScope.STACK).is_opted_out(a_person())
        assert is_out is (scope is OptOutScope.SUB_ACCOUNT)

    @pytest.mark.parametrize("scope", list(OptOutScope))
    def test_one_to_no_known_sub_account_counts_where_it_is_for_all(
        self, scope: OptOutScope, opt_outs_of: OptOutsOf
    ) -> None:
        opt_outs = opt_outs_of(scope)
        opt_outs.record(a_person(sub_account_id=EVERY_SUB_ACCOUNT), OUT, EARLY)

        assert opt_outs.is_opted_out(a_person()) is (scope is OptOutScope.STACK)

    @pytest.mark.parametrize("scope", list(OptOutScope))
    def test_only_what_changes_the_state_says_that_it_does_and_says_it_again(
        self, scope: OptOutScope, opt_outs_of: OptOutsOf
    ) -> None:
        opt_outs = opt_outs_of(scope)
        requests = [
            (IN, EARLY, "start of nobody who is out", False),
            (OUT, EARLY, "stop of the same moment", True),
            (IN, EARLY, "another start of that moment", False),
            (OUT, LATE, "another stop", False),
            (IN, EARLY + 1, "start from between the two", False),
            (IN, LATEST, "start", True),
            (IN, LATEST + 1, "another start", False),
            (OUT, LATEST + 2, "a last stop", True),
        ]
        for opt_request, at, inbound_id, changes in requests:
            for _ in range(2):
                recorded = opt_outs.record(a_person(), opt_request, at, inbound_id=inbound_id)
                assert recorded is changes, inbound_id

        # By now it is no longer what made the state.
        assert not opt_outs.record(a_person(), IN, LATEST, inbound_id="start")
        assert opt_outs.is_opted_out(a_person())

    def test_of_simultaneous_opt_outs_one_changes_the_state(self, opt_outs: OptOuts) -> None:
        def record(number: int) -> bool:
            return opt_outs.record(a_person(), OUT, EARLY + number, inbound_id=str(number))

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(record, range(8))) == 1

    @pytest.mark.parametrize(
        "order",
        list(
            permutations(
                [
                    (OUT, EARLY),
                    (IN, LATE),
                    (OUT, LATEST),
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
            opt_outs.record(person, OUT, EARLY)
        opt_outs.record(people[0], IN, LATE)

        assert opt_outs.opted_out_among([*people, *people[:15]]) == set(people[10::10])
        assert opt_outs.opted_out_among([]) == set()

    def test_who_opts_in_again_is_no_longer_out(self, opt_outs: OptOuts) -> None:
        opt_outs.record(a_person(), OUT, EARLY)
        opt_outs.record(a_person(), IN, LATE)
        opt_outs.record(a_person(), IN, LATE)

        assert not opt_outs.is_opted_out(a_person())


class TestCountedReplies:
    UMIDS = ("umid-0", "umid-1", "umid-2", "umid-3", "umid-4")

    def test_so_many_are_answered_in_an_hour_and_the_same_ones_again(
        self, store: MessageStore
    ) -> None:
        for _ in range(2):
            taken = [store.count_reply("h", umid, AT, at_most=3) for umid in self.UMIDS]
            assert taken == [True, True, True, False, False]

    def test_another_person_and_another_hour_count_for_themselves(
        self, store: MessageStore
    ) -> None:
        for umid in self.UMIDS[:3]:
            store.count_reply("h", umid, AT, at_most=3)

        assert not store.count_reply("h", "another", AT, at_most=3)
        assert store.count_reply("another", "another", AT, at_most=3)
        assert store.count_reply("h", "another", AT + 3600, at_most=3)

    def test_of_simultaneous_ones_no_more_are_answered(self, store: MessageStore) -> None:
        def take(number: int) -> bool:
            return store.count_reply("h", f"umid-{number}", AT, at_most=3)

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(take, range(16))) == 3


class TestExportJobs:
    JOB = ExportJob("acme", "job-1", EARLY, LATE)

    def test_an_export_is_remembered_for_its_sub_account(self, store: MessageStore) -> None:
        assert store.get_export_job("acme") is None

        store.put_export_job(self.JOB)

        assert store.get_export_job("acme") == self.JOB
        assert store.get_export_job("another") is None

    def test_the_last_one_counts(self, store: MessageStore) -> None:
        store.put_export_job(self.JOB)
        newer = self.JOB._replace(job_id="job-2", asked_at=LATEST)
        store.put_export_job(newer)

        assert store.get_export_job("acme") == newer

    def test_one_that_is_read_is_forgotten(self, store: MessageStore) -> None:
        store.put_export_job(self.JOB)
        for _ in range(2):
            store.remove_export_job("acme")

        assert store.get_export_job("acme") is None
