"""Drives the fake Infobip with Infobip's own client library.

Usage: infobip_contract.py BASE_URL API_KEY

What the library sends must be understood by the fake, and what the fake answers must fit the library's models, which
refuse wrong types and missing fields. To leave nothing to leniency, each answer is compared with the JSON that arrived:
a field that the model does not know would be lost on the way. The library has no WhatsApp; only the error envelope of
that channel, which it shares with others, is checked with a model of the library.
"""

import json
import sys
import urllib.error
import urllib.request

from infobip_api_client import ApiClient, Configuration
from infobip_api_client.api.sms_api import SmsApi
from infobip_api_client.exceptions import BadRequestException, UnauthorizedException
from infobip_api_client.models import (
    ApiError,
    ApiException,
    MessageGeneralStatus,
    SmsDestination,
    SmsMessage,
    SmsMessageContent,
    SmsMessageDeliveryReporting,
    SmsMessageOptions,
    SmsMessageRequestOptions,
    SmsRequest,
    SmsTextContent,
    SmsWebhooks,
    UrlOptions,
    ValidityPeriod,
    ValidityPeriodTimeUnit,
)

base_url, key = sys.argv[1:]


def client(api_key):
    return SmsApi(ApiClient(Configuration(host=base_url, api_key=api_key)))


def page(to="12025550123", message_id="pp-contract-1", text="#12 CRITICAL Disk full on db1"):
    """The request as PagerPal makes it."""
    return SmsRequest(
        messages=[
            SmsMessage(
                sender="PagerPal",
                destinations=[SmsDestination(to=to, message_id=message_id)],
                content=SmsMessageContent(SmsTextContent(text=text)),
                options=SmsMessageOptions(
                    validity_period=ValidityPeriod(amount=15, time_unit=ValidityPeriodTimeUnit.MINUTES)
                ),
                webhooks=SmsWebhooks(
                    delivery=SmsMessageDeliveryReporting(url="https://pager.example.net/reports"),
                    content_type="application/json",
                ),
            )
        ],
        options=SmsMessageRequestOptions(tracking=UrlOptions(shorten_url=False, track_clicks=False)),
    )


def keeps_everything(answer):
    """Every field that arrived must be in the model; dates are printed anew, so only their presence counts."""

    def compare(arrived, kept, path):
        if isinstance(arrived, dict):
            for name, value in arrived.items():
                assert name in kept, f"{path}.{name} is not in the library's model"
                compare(value, kept[name], f"{path}.{name}")
        elif isinstance(arrived, list):
            assert len(arrived) == len(kept), path
            for index, value in enumerate(arrived):
                compare(value, kept[index], f"{path}[{index}]")
        elif not path.endswith("At"):
            assert arrived == kept, f"{path}: {arrived!r} became {kept!r}"

    compare(json.loads(answer.raw_data), answer.data.to_dict(), "$")
    return answer.data


def refused(exception, call):
    try:
        call()
    except exception as refusal:
        assert isinstance(refusal.data, ApiError), refusal
        return refusal.data
    raise AssertionError(f"expected {exception.__name__}")


sms = client(key)

sent = keeps_everything(sms.send_sms_messages_with_http_info(page()))
assert sent.messages[0].message_id == "pp-contract-1"
assert sent.messages[0].destination == "12025550123"
assert (sent.messages[0].status.id, sent.messages[0].status.group_id) == (26, 1)
assert sent.messages[0].status.group_name == MessageGeneralStatus.PENDING

again = keeps_everything(sms.send_sms_messages_with_http_info(page()))
assert again.messages[0].status.id == 23, "a repeated message id"

reports = keeps_everything(sms.get_outbound_sms_message_delivery_reports_with_http_info())
[report] = reports.results
assert report.message_id == "pp-contract-1" and report.done_at.tzinfo is not None
assert (report.status.id, report.status.group_name) == (5, MessageGeneralStatus.DELIVERED)
assert report.error.id == 0 and report.error.permanent is False
assert sms.get_outbound_sms_message_delivery_reports().results == [], "a report is handed out once"

for _ in range(2):
    logs = keeps_everything(sms.get_outbound_sms_message_logs_with_http_info(message_id=["pp-contract-1"]))
    [entry] = logs.results
    assert entry.destination == "12025550123" and entry.status.id == 5
assert sms.get_outbound_sms_message_logs(message_id=["unknown"]).results == []

for number in range(2, 8):
    assert sms.send_sms_messages(page(message_id=f"pp-contract-{number}")).messages[0].status.id == 26
flooded = sms.get_outbound_sms_message_logs(message_id=["pp-contract-7"]).results[0]
assert (flooded.status.id, flooded.status.group_name) == (20, MessageGeneralStatus.REJECTED)
assert (flooded.error.id, flooded.error.name) == (4104, "EC_DESTINATION_TXT_FLOODING")

bad = refused(BadRequestException, lambda: sms.send_sms_messages(page(to="nobody")))
assert bad.error_code == "E400"
assert [violation.var_property for violation in bad.violations] == ["messages[0].destinations[0].to"]

stranger = client("wrong")
for call in (
    lambda: stranger.send_sms_messages(page()),
    stranger.get_outbound_sms_message_delivery_reports,
    stranger.get_outbound_sms_message_logs,
):
    assert refused(UnauthorizedException, call).error_code == "E401"

template = urllib.request.Request(
    base_url + "/whatsapp/1/message/template",
    data=json.dumps({"messages": [{"from": "447860099299", "to": "12025550123", "content": {}}]}).encode(),
    headers={"Authorization": f"App {key}", "Content-Type": "application/json"},
)
try:
    urllib.request.urlopen(template)
    raise AssertionError("a template without a name was taken")
except urllib.error.HTTPError as refusal:
    arrived = json.load(refusal)
    kept = ApiException.from_dict(arrived)
    assert refusal.code == 400 and kept.to_dict() == arrived, arrived
    assert "messages[0].content.templateName" in kept.request_error.service_exception.validation_errors

print("the fake keeps to the contract")
