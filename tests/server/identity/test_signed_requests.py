"""Requests signed by the SDK's own signer, and everything that can be wrong with them."""

import hashlib
import hmac
from dataclasses import replace

import pytest
from identity_service import TAGGING, sdk_date, send, sign

from irs_engine.server.identity.lockout import FAILURES, LOCKED_SECONDS

JSON = {"Content-Type": "application/json;charset=UTF-8"}
BODY = b'{"image": "aGVsbG8="}'


@pytest.fixture
def post(service, tenant):
    """Sign a call of an API, change what was signed, and send it."""

    def post(body=BODY, change=None, key=tenant.key, path=None, send_body=None, **headers):
        path = path or TAGGING.format(project_id=tenant.project)
        given = JSON | {name.replace("_", "-"): value for name, value in headers.items()}
        signed, target = sign(key, "POST", service.host, path, headers=given, body=body)
        if change:
            change(signed)
        return send(service, "POST", target, signed, body if send_body is None else send_body)

    return post


def refused(answer):
    return answer.status == 401 and answer.code == "APIG.0301" and "result" not in answer.json


def test_a_signed_call_is_its_owners(post, tenant):
    answer = post()
    assert answer.status == 200
    found = answer.json["result"]
    assert (found["account_name"], found["project_id"], found["by"]) == (tenant.name, tenant.project, "key")
    assert found["permissions"] == ["Administrator"]


def test_any_path_and_query(service, tenant):
    path, query = "/echo/a b/ü%2Fc/~x/", [("b", "2 +/"), ("a", "é"), ("a", ""), ("a-", "1"), ("a/", "~")]
    signed, target = sign(tenant.key, "GET", service.host, path, query)
    target = target.replace(" ", "%20").replace("ü", "%C3%BC")  # as the SDK's HTTP library has it
    assert send(service, "GET", target, signed).status == 200
    assert refused(send(service, "GET", target.replace("a=&", "a=1&"), signed))


def test_a_changed_body_is_refused(post):
    assert refused(post(send_body=BODY.replace(b"aG", b"bG")))
    assert refused(post(send_body=b""))
    assert refused(post(body=b"", send_body=BODY))


def test_a_hash_that_is_not_the_bodys_is_refused(post):
    right = {"X_Sdk_Content_Sha256": hashlib.sha256(BODY).hexdigest()}
    assert post(**right).status == 200
    assert refused(post(send_body=b'{"image": "forged"}', **right))
    assert refused(post(X_Sdk_Content_Sha256="0" * 64))  # signed, and of no body that is sent
    assert refused(post(X_Sdk_Content_Sha256="anything else"))
    # Added on the way, where it was not signed.
    assert refused(post(change=lambda headers: headers.update({"X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD"})))


def test_forms_are_not_signed_and_json_always_is(post):
    form = {"Content_Type": "multipart/form-data; boundary=b"}
    assert post(**form, body=b"--b--", send_body=b"--b--\r\n").status == 200  # so says the header
    assert refused(post(X_Sdk_Content_Sha256="UNSIGNED-PAYLOAD"))
    assert post(**form, body=b"").status == 200


@pytest.mark.parametrize("ahead, good", [(-890, True), (890, True), (-910, False), (910, False)])
def test_the_window(service, post, ahead, good):
    service.clock.ahead = ahead
    answer = post()
    assert answer.status == 200 if good else refused(answer)
    if not good:
        assert "15 minutes" in answer.json["detail"]


def test_a_recorded_request_is_of_no_use_later(service, tenant):
    path = TAGGING.format(project_id=tenant.project)
    signed, target = sign(tenant.key, "POST", service.host, path, headers=JSON, body=BODY)
    # Two equal requests in a second are legal: the date has no finer unit.
    assert [send(service, "POST", target, signed, BODY).status for _ in range(2)] == [200, 200]
    service.clock.ahead = 16 * 60
    assert refused(send(service, "POST", target, signed, BODY))
    signed["X-Sdk-Date"] = sdk_date(service.clock())
    assert refused(send(service, "POST", target, signed, BODY))


@pytest.mark.parametrize("date", ["2026-11-29T12:00:00Z", "20261341T000000Z", "", "20261129T120000Z, 1"])
def test_no_date(post, date):
    assert refused(post(change=lambda headers: headers.update({"X-Sdk-Date": date})))


def test_another_host(post):
    assert refused(post(change=lambda headers: headers.update(Host="image.example.com")))
    assert refused(post(change=lambda headers: headers.update({"X-Project-Id": "x", "Host": "[::1"})))


def test_another_method_or_path(service, tenant):
    signed, _ = sign(tenant.key, "GET", service.host, "/echo/a")
    assert send(service, "GET", "/echo/a", signed).status == 200
    assert refused(send(service, "PUT", "/echo/a", signed))
    assert refused(send(service, "GET", "/echo/b", signed))
    assert refused(send(service, "GET", "/echo/a?b=1", signed))


def change_authorization(*replacement):
    return lambda headers: headers.update(Authorization=headers["Authorization"].replace(*replacement))


@pytest.mark.parametrize(
    "old, new",
    [
        ("SDK-HMAC-SHA256", "SDK-HMAC-SM3"),
        ("SDK-HMAC-SHA256", "V11-HMAC-SHA256"),
        ("SDK-HMAC-SHA256 ", "Basic "),
        (";x-sdk-date", ""),
        ("host;", ""),
        ("host;", "host;host;"),
        ("host;", "host;not-sent;"),
        ("Signature=", "Signature=0"),
        ("Signature=", "signature="),
        ("Access=", "Access= "),
        ("Access=", "Access=" + "A" * 100),
        ("SignedHeaders=", "SignedHeaders=" + ";".join(f"h{n}" for n in range(100)) + ";"),
    ],
)
def test_other_forms_of_authorization(post, old, new):
    assert refused(post(change=change_authorization(old, new)))


def test_the_form_of_the_reference(post, tenant):
    """Table 3-3: Credential=AK/20150907//ec2/sdk_request."""
    credential = f"Credential={tenant.key.ak}/20150907//ec2/sdk_request"
    assert post(change=change_authorization(f"Access={tenant.key.ak}", credential)).status == 200
    assert post(change=change_authorization("Access=", "Credential=")).status == 200


def test_one_bit_of_the_signature(post):
    def flip(headers):
        text = headers["Authorization"]
        headers["Authorization"] = text[:-1] + format(int(text[-1], 16) ^ 1, "x")

    assert refused(post(change=flip))


def test_an_unknown_key_and_a_wrong_secret_cannot_be_told_apart(service, post, tenant):
    wrong = post(key=replace(tenant.key, sk="x" * 40)).json
    unknown = post(key=replace(tenant.key, ak="NOBODYSKEY0000000000")).json
    assert wrong == unknown
    service.accounts.keys.enable(tenant.key.ak, False)
    disabled = post().json
    service.accounts.keys.enable(tenant.key.ak)
    assert disabled == wrong


def test_guessing_is_locked_out_where_it_comes_from(service, tenant, post):
    def flip(headers):
        headers["Authorization"] = headers["Authorization"][:-64] + "0" * 64

    for _ in range(FAILURES):
        assert refused(post(change=flip))
    assert post().status == 200  # and forgiven
    for _ in range(FAILURES + 1):
        assert refused(post(change=flip))
    locked = post()
    assert refused(locked) and 0 < int(locked.header("Retry-After")) <= LOCKED_SECONDS
    assert service.identity._signatures.locked((tenant.key.ak, "192.0.2.1")) == 0  # the owner, elsewhere
    service.clock.ahead = LOCKED_SECONDS + 1
    assert post(X_Sdk_Date=sdk_date(service.clock())).status == 200


def test_projects(service, post, new_tenant, tenant):
    other = new_tenant()
    foreign = post(path=TAGGING.format(project_id=other.project))
    assert (foreign.status, foreign.code) == (401, "AIP.0003")
    v1 = "/v1.0/image/tagging"
    assert post(path=v1).json["result"]["project_id"] == tenant.project  # that of the region
    second = service.accounts.project(tenant.account.id, "cn-north-4").id
    assert post(path=v1, X_Project_Id=second).json["result"]["project_id"] == second
    assert post(path=TAGGING.format(project_id=second)).json["result"]["project_id"] == second
    assert post(path=v1, X_Project_Id=other.project).code == "AIP.0003"
    assert post(X_Project_Id=second).code == "AIP.0003"  # not that of the path
    # A stranger learns nothing about whose project it is.
    assert refused(post(path=TAGGING.format(project_id=other.project), send_body=b"{}"))


def test_frozen_accounts_and_disabled_users(service, post, tenant):
    service.accounts.freeze(tenant.account.id)
    assert (post().status, post().code) == (400, "AIS.0027")
    assert refused(post(send_body=b"{}"))  # only its owner is told
    service.accounts.freeze(tenant.account.id, frozen=False)
    service.accounts.enable_user(tenant.owner, False)
    assert refused(post())
    service.accounts.enable_user(tenant.owner)
    assert post().status == 200
    service.accounts.keys.delete(tenant.key.ak)
    assert refused(post())


def test_an_endpoint_that_forgets_the_body_lets_nobody_in(service, tenant):
    signed, _ = sign(tenant.key, "GET", service.host, "/careless")
    assert send(service, "GET", "/careless", signed).json == {"user": tenant.name}
    nonsense = {**signed, "Authorization": signed["Authorization"][:-64] + "0" * 64}
    assert refused(send(service, "GET", "/careless", nonsense, b"x"))
    assert refused(send(service, "GET", "/careless", signed, b"x"))
    assert refused(
        send(service, "GET", "/careless", nonsense | {"Transfer-Encoding": "chunked"}, b"0\r\n\r\n")
    )


def test_no_credentials(service, tenant):
    assert refused(send(service, "POST", TAGGING.format(project_id=tenant.project), JSON, BODY))
    assert refused(send(service, "POST", "/v1.0/image/tagging", {"Authorization": "\xff\x00".strip("\x00")}))


def test_the_signer_of_2019(service, tenant):
    """It signs three headers, and drops the "=" of empty values."""
    date = sdk_date(service.clock())
    canonical = (
        f"GET\n/echo/\na&b=1\ncontent-type:application/json\nhost:{service.host}\nx-sdk-date:{date}\n\n"
        f"content-type;host;x-sdk-date\n{hashlib.sha256(b'').hexdigest()}"
    )
    text = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(tenant.key.sk.encode(), text.encode(), hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Sdk-Date": date,
        "Authorization": f"SDK-HMAC-SHA256 Access={tenant.key.ak}, "
        f"SignedHeaders=content-type;host;x-sdk-date, Signature={signature}",
    }
    assert send(service, "GET", "/echo?b=1&a=", headers).status == 200
    assert refused(send(service, "GET", "/echo?b=1&a=0", headers))
