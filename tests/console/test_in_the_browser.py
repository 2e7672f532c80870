"""The console in Chromium: what somebody does who sees it for the first time, and after that."""

import json
import re
import time

import pytest
from playwright.async_api import Browser, expect

from local.stack import REPLIES, LocalStack
from tests.console.desk import Desk
from tests.printed_commands import carry_out, printed_commands

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


class TestAFirstVisit:
    async def test_one_is_sent_one_fails_and_it_is_clear_what_to_type(self, desk: Desk) -> None:
        began = time.monotonic()
        guide = desk.page.locator("#guide li")

        text = await desk.page.get_by_label("Text", exact=True).input_value()
        await desk.button("Send", within="#guide").click()
        await expect(desk.verdict).to_contain_text("Sent, waiting for the delivery report")
        await expect(desk.phone.get_by_role("listitem")).to_contain_text([text])

        await desk.button("Fail one", within="#guide").click()
        first = desk.page.locator("#messages li").filter(has_text=text)
        await expect(first).to_contain_text("Delivered")
        await expect(guide.nth(0)).to_have_class("done")
        await expect(desk.verdict).to_contain_text("Failed: eightx8_undelivered_1")
        await expect(desk.verdict).to_contain_text("Absent subscriber")
        await expect(guide.nth(1)).to_have_class("done")
        await expect(desk.phone.get_by_role("listitem")).to_contain_text([text])
        await desk.picture("failed")

        await desk.button("Show", within="#guide").click()
        dialog = desk.page.get_by_role("dialog")
        for field, value in (
            ("API URL", "https://YOUR_BRIDGE/api/v1/subaccounts/YOUR_SUB_ACCOUNT/messages"),
            ("Header Content-Type", "application/json"),
            ("Header Authorization", "Bearer YOUR_TOKEN"),
            ("Body recipient", "Moesms_destination"),
            ("Body message", "Moesms_message"),
            ("Unique id of the sent response", "umid"),
            ("Success values", "DELIVERED"),
        ):
            row = dialog.get_by_role("row").filter(has=desk.page.get_by_text(field, exact=True))
            await expect(row).to_contain_text(value)
        await desk.button("Copy Body recipient").click()
        assert await desk.page.evaluate("navigator.clipboard.readText()") == "Moesms_destination"
        await expect(guide.nth(2)).to_have_class("done")

        assert time.monotonic() - began < 120


class TestOneMessage:
    async def test_a_report_that_moengage_does_not_take_is_sent_again(
        self, desk: Desk, stack: LocalStack
    ) -> None:
        # Else an earlier message's report would meet it.
        waiting = [one for one in stack.moengage.messages if one.unique_id]
        await stack.moengage.until(lambda: all(one.reports for one in waiting), 30)
        await desk.open_tracking()
        await desk.button("Refuse the next report (503)").click()
        await desk.send("+6581231105")

        await expect(desk.steps).to_contain_text("does not acknowledge the report, answers 503")
        await expect(desk.page.locator(".wait")).to_contain_text(
            "MoEngage did not acknowledge it (1 tries)"
        )
        await expect(desk.verdict).to_contain_text("Delivered")

    async def test_its_steps_its_item_and_its_log_lines_show_as_they_come(self, desk: Desk) -> None:
        await desk.page.get_by_label("It shall").select_option("fail with an error code")
        await desk.show_details()
        await desk.page.get_by_label("Error code", exact=True).select_option("43 Spam filter")
        await desk.button("Apply").click()
        await expect(desk.page.locator("#instructions-now")).to_contain_text("43, Spam filter")
        await desk.send("+6581231101")

        waits = desk.page.locator(".wait")
        await expect(waits).to_contain_text("in the outcome queue for 6 s")
        await expect(desk.verdict).to_contain_text("Failed: eightx8_undelivered_43")
        await expect(desk.verdict).to_contain_text("Spam filter")
        for step in (
            "MoEngage posts the webhook",
            "bridge accepts the message send_sms",
            "8x8 accepts the message",
            "8x8 sends the receipt undelivered",
            "bridge receipt recorded receive_callback.*undelivered",
            "MoEngage acknowledges the report, counts it as failed",
            "bridge outcome reported forward_outcome",
        ):
            found = desk.steps.get_by_role("listitem").filter(has_text=re.compile(step))
            await expect(found).not_to_have_count(0)
        await expect(waits).to_be_hidden()

        panel = desk.timeline.get_by_role("tabpanel")
        for tab, text in (
            ("DynamoDB item", '"state": "undelivered"'),
            ("DynamoDB item", '"reported_at"'),
            ("Log lines", "forward_outcome"),
            ("Requests", '"reason": "eightx8_undelivered_43"'),
        ):
            await desk.choose_tab(tab)
            await expect(panel).to_contain_text(text)

    async def test_unicode_arrives_and_what_forces_it_is_named(self, desk: Desk) -> None:
        text = "Rebajas 🎉 sólo hoy"
        await desk.page.get_by_label("Text", exact=True).fill(text)
        size = desk.page.locator("#test-size")
        await expect(size).to_have_text(
            "1 SMS, Unicode, because of 🎉 (U+1F389, party popper), ó "
            "(U+00F3, latin small letter o with acute)"
        )

        await desk.send("+6581231102", text)

        arrived = desk.phone.get_by_role("listitem")
        await expect(arrived.locator(".bubble")).to_have_text(text)
        await expect(arrived).to_contain_text("1 SMS, Unicode, because of 🎉")

    async def test_a_message_that_did_not_come_from_the_page_is_shown_as_well(
        self, desk: Desk, stack: LocalStack
    ) -> None:
        # With the first of the commands that `make run` prints.
        message_id = json.loads(await carry_out(printed_commands(stack)[0]))["umid"]

        rows = desk.page.get_by_role("list", name="Messages, the newest first")
        row = rows.get_by_role("listitem").filter(has_text="+6582220000")
        await expect(row).to_contain_text("Hello from the bridge")
        await row.get_by_role("button").click()
        await expect(desk.timeline).to_contain_text(message_id)
        await expect(desk.steps).to_contain_text("accepts the message")
        await expect(desk.timeline).to_contain_text("MoEngage does not know it")
        await desk.show_details()
        await desk.choose_tab("Requests")
        await expect(desk.timeline).to_contain_text("its request was not seen")

    async def test_a_throttled_message_waits_in_the_send_queue_and_is_sent(
        self, desk: Desk
    ) -> None:
        await desk.page.get_by_label("It shall").select_option("429, too many requests, once")
        await desk.page.get_by_label("Retry-After, in seconds").fill("4")
        await desk.button("Apply").click()
        await expect(desk.page.locator("#instructions-now")).to_contain_text("429")
        await desk.send("+6581231104")

        await expect(desk.page.locator(".wait")).to_contain_text("in the send queue")
        await expect(desk.steps).to_contain_text("gets the message, answers 429, code 429")
        await expect(desk.steps).to_contain_text("accepts a batch")
        await expect(desk.phone.get_by_role("listitem")).to_have_count(1)


class TestMistakes:
    async def test_swapped_macros(self, desk: Desk) -> None:
        await desk.type_macro("recipient", "Moesms_message")
        await desk.type_macro("message", "Moesms_destination")
        await desk.send("+6581231106")

        await expect(desk.verdict).to_contain_text("Failed: HTTP 400, code fields_swapped")
        await expect(desk.verdict).to_contain_text("The macros are swapped")
        await desk.picture("swapped_macros")
        # A refused request is found in the log as well.
        await desk.show_details()
        await desk.choose_tab("Log lines")
        await expect(desk.timeline).to_contain_text("request refused")

    async def test_a_wrong_success_value_until_it_is_mapped_automatically(self, desk: Desk) -> None:
        await desk.open_tracking()
        await desk.map_success("delivered")
        await desk.send("+6581231108")

        await expect(desk.verdict).to_contain_text("Failed: no reason given")
        await expect(desk.verdict).to_contain_text("status = DELIVERED, and that is not among")

        await desk.choose_tab("Automatic mapping")
        status = desk.page.get_by_label("Delivery status")
        await expect(status.locator("option:checked")).to_have_text("status: DELIVERED")
        await desk.map_success("DELIVERED")

    async def test_a_url_that_is_not_called_is_refused_by_the_name_of_its_field(
        self, desk: Desk
    ) -> None:
        await desk.page.get_by_label("API URL").fill("https://gateway.example/send")
        await desk.send("+6581231109")

        await expect(desk.verdict).to_contain_text("API URL is not on this machine")

    async def test_a_misspelt_macro_is_named_before_and_after_sending(self, desk: Desk) -> None:
        await desk.type_macro("message", "Moesms_mesage")
        await expect(desk.page.locator("#sender")).to_contain_text("Moesms_mesage is no macro")
        await desk.send("+6581231113")

        await expect(desk.verdict).to_contain_text("code macro_not_filled")
        await expect(desk.verdict).to_contain_text("Moesms_mesage is no macro")

    async def test_a_mapping_that_is_not_saved_is_named_at_the_verdict(self, desk: Desk) -> None:
        await desk.open_tracking()
        await desk.send("+6581231114")
        await expect(desk.verdict).to_contain_text("Delivered")

        await desk.page.get_by_label("Success values").fill("SENT")
        await expect(desk.verdict).to_contain_text("changes that are not saved")
        await desk.page.get_by_label("Success values").fill("DELIVERED")
        await expect(desk.verdict).not_to_contain_text("changes that are not saved")

    async def test_the_last_verdict_is_gone_while_the_next_message_is_sent(
        self, desk: Desk
    ) -> None:
        await desk.send("+6581110003")
        await expect(desk.verdict).to_contain_text("eightx8_rejected")

        await desk.page.get_by_label("It shall").select_option("answer late")
        await desk.button("Apply").click()
        await expect(desk.page.locator("#instructions-now")).to_contain_text("answer late")
        await desk.send("+6581231115")

        await expect(desk.verdict).to_have_text("Sending…")
        await expect(desk.verdict).to_contain_text("Delivered")


class TestOptingOut:
    async def test_stop_is_honoured_until_start(self, desk: Desk) -> None:
        await desk.page.get_by_label("Sender", exact=True).select_option(
            label="Acme offers (Promotional, Form)"
        )
        await desk.send("+6581231110", "First offer")
        received = desk.phone.locator("li.received")
        await expect(received).to_contain_text(["First offer"])

        await desk.button("STOP").click()
        sent = desk.phone.locator("li.sent")
        await expect(sent).to_contain_text("the bridge has it")
        so_far = ["First offer", REPLIES["OptOutReply"]]
        await expect(received).to_contain_text(so_far)
        await desk.send("+6581231110", "Second offer")
        await expect(desk.verdict).to_contain_text("Failed: opted_out")
        await expect(received).to_contain_text(so_far)

        await desk.picture("opted_out")

        await desk.button("START").click()
        await expect(sent.nth(1)).to_contain_text("the bridge has it")
        so_far.append(REPLIES["OptInReply"])
        await expect(received).to_contain_text(so_far)
        await desk.send("+6581231110", "Third offer")
        await expect(received).to_contain_text([*so_far, "Third offer"])


class TestACampaign:
    async def test_its_numbers_grow_and_all_of_it_gets_an_outcome(self, desk: Desk) -> None:
        await desk.page.get_by_label("Messages", exact=True).last.fill("16")
        await desk.page.get_by_label("Messages a second").fill("6")
        for course, percent in (("fail, error code 1", "25"), ("500, internal error", "0")):
            await desk.page.get_by_label(course).fill(percent)
        await desk.button("Start").click()

        form = desk.page.locator("#campaign-form")
        await expect(desk.button("Stop")).to_be_visible()
        await expect(form).to_contain_text("16 of 16 sent, done")
        await expect(form).to_contain_text("0 wait for an outcome")
        charts = desk.page.locator("#charts")
        await expect(charts.get_by_role("row", name="reported: failed")).to_contain_text("4 25 %")
        await expect(charts).to_contain_text("eightx8_undelivered_1")
        await desk.picture("campaign", part="#campaign")

    async def test_a_mix_of_more_than_all_is_refused(self, desk: Desk) -> None:
        await desk.page.get_by_label("fail, error code 1").fill("99")
        await desk.button("Start").click()

        refusal = "must not be more than 100 percent"
        await expect(desk.page.locator("#campaign-form")).to_contain_text(refusal)


class TestByKeyboard:
    async def test_a_message_is_sent_found_and_read_without_a_mouse(self, desk: Desk) -> None:
        keyboard = desk.page.keyboard
        await keyboard.press("Tab")
        await expect(desk.page.get_by_text("Skip to the message's steps")).to_be_focused()
        await keyboard.press("Enter")
        await expect(desk.page.locator("#way")).to_be_focused()
        await desk.page.get_by_label("Technical details").focus()
        await keyboard.press("Space")

        await desk.page.get_by_label("Mobile number").focus()
        await keyboard.press("ControlOrMeta+a")
        await keyboard.type("+6581231111")
        await keyboard.press("Tab")
        await keyboard.press("ControlOrMeta+Enter")
        await expect(desk.verdict).to_contain_text("Sent")

        messages = desk.page.get_by_role("list", name="Messages, the newest first")
        rows = messages.get_by_role("button")
        await expect(rows.first).to_contain_text("+6581231111")
        await rows.first.focus()
        await keyboard.press("ArrowDown")
        await expect(rows.nth(1)).to_be_focused()
        await expect(rows.nth(1)).to_have_attribute("aria-pressed", "true")

        await desk.page.get_by_role("tab", name="Steps").focus()
        await keyboard.press("ArrowRight")
        requests = desk.page.get_by_role("tab", name="Requests")
        await expect(requests).to_be_focused()
        await expect(requests).to_have_attribute("aria-selected", "true")
        await keyboard.press("End")
        await expect(desk.page.get_by_role("tab", name="Log lines")).to_be_focused()

        await desk.button("Show", within="#guide").focus()
        await keyboard.press("Enter")
        await expect(desk.page.get_by_role("dialog")).to_be_visible()
        await keyboard.press("Escape")
        await expect(desk.page.get_by_role("dialog")).to_be_hidden()


class TestForEverybody:
    async def test_it_says_that_nothing_is_sent_and_hides_what_only_an_engineer_wants(
        self, desk: Desk
    ) -> None:
        header = desk.page.locator("header.top")
        await expect(header).to_contain_text("Simulated: no SMS leaves this machine")
        queues, received = desk.page.locator("#queues"), desk.page.locator("#requests")
        for part in (queues, received):
            await expect(part).to_be_hidden()

        await desk.show_details()

        await expect(queues).to_contain_text("in outcome queue")
        await expect(received).to_be_visible()
        await desk.page.reload()
        await expect(queues).to_be_visible()

    async def test_the_list_of_messages_is_one_stop_for_the_tab_key(self, desk: Desk) -> None:
        for _ in range(2):
            await desk.send("+6581231116")
            await expect(desk.verdict).to_contain_text("Sent")
        stops = desk.page.locator("#messages li button[tabindex='0']")

        await expect(stops).to_have_count(1)
        await expect(stops).to_have_attribute("aria-pressed", "true")

    async def test_on_a_phone_a_link_leads_to_a_heading_that_shows_and_is_marked(
        self, chromium: Browser, url: str
    ) -> None:
        async with Desk.open(chromium, url, width=390, height=844) as desk:
            places = desk.page.get_by_role("navigation", name="Parts of the page")
            await places.get_by_role("link", name="8x8").click()

            heading = desk.page.get_by_role("heading", name="8x8", exact=True)
            await expect(heading).to_be_in_viewport()
            header = await desk.page.locator("header.top").bounding_box()
            shown = await heading.bounding_box()
            assert header
            assert shown
            assert shown["y"] >= header["y"] + header["height"]
            await expect(places.locator("[aria-current]")).to_have_text("8x8")

    @pytest.mark.parametrize("colors", ["light", "dark"])
    @pytest.mark.parametrize("width", [1280, 390])
    async def test_axe_finds_nothing_serious_and_nothing_is_too_wide(
        self, chromium: Browser, url: str, width: int, colors: str
    ) -> None:
        async with Desk.open(
            chromium, url, width=width, colors="dark" if colors == "dark" else "light"
        ) as desk:
            await desk.send(f"+65812312{width % 89:02d}")
            await expect(desk.steps).to_contain_text("8x8 accepts the message")
            await desk.open_tracking()

            assert await desk.serious_findings() == []
            assert not await desk.is_too_wide()
            if (width, colors) == (390, "dark"):
                await desk.picture("narrow")

            await desk.button("Show", within="#guide").click()
            assert await desk.serious_findings() == []
            assert not await desk.is_too_wide()

    async def test_the_colours_are_the_systems_until_somebody_chooses(self, desk: Desk) -> None:
        page, root = desk.page, desk.page.locator("html")
        await page.emulate_media(color_scheme="dark")
        await expect(root).to_have_attribute("data-theme", "dark")

        await desk.button("Switch to light colours").click()
        await expect(root).to_have_attribute("data-theme", "light")
        await page.reload()

        await expect(root).to_have_attribute("data-theme", "light")
