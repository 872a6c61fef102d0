#!/usr/bin/env python3
"""Makes fuzz/corpus: small pieces of the recorded telemetry, and hostile inputs made by hand.

Run it from the repository; needs the zstd command. The files are committed: run it only to add some.
"""

import gzip
import pathlib
import struct
import subprocess
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT / "fuzz" / "corpus"


def put(target: str, name: str, data: bytes) -> None:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def varint(n: int) -> bytes:
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def tag(field: int, wire: int) -> bytes:
    return varint(field << 3 | wire)


def message(field: int, body: bytes) -> bytes:
    return tag(field, 2) + varint(len(body)) + body


def text(value) -> bytes:
    """An AnyValue with a string."""
    value = value if isinstance(value, bytes) else value.encode()
    return message(1, value)


def pair(key, value: bytes) -> bytes:
    """A KeyValue."""
    key = key if isinstance(key, bytes) else key.encode()
    return message(1, key) + message(2, value)


def nested(depth: int, field: int) -> bytes:
    """AnyValue in AnyValue: arrays (field 5) or maps (field 6)."""
    value = text("deep")
    for _ in range(depth):
        inner = message(1, value) if field == 5 else message(1, pair("k", value))
        value = message(field, inner)
    return value


def fixed64(field: int, value: int) -> bytes:
    return tag(field, 1) + struct.pack("<Q", value)


# Per signal: what holds its records, and one record with the given further fields.
SPAN = message(1, b"t" * 16) + message(2, b"s" * 8) + message(5, b"name") + fixed64(7, 10) + fixed64(8, 20)
LOG = fixed64(1, 10) + message(5, text("body"))
POINT = fixed64(3, 10) + tag(4, 1) + struct.pack("<d", 1.5)
RECORDS = {
    "otlp_traces": (SPAN, 9, lambda record: message(2, record)),
    "otlp_logs": (LOG, 6, lambda record: message(2, record)),
    "otlp_metrics": (POINT, 7, lambda record: message(2, message(1, b"m") + message(5, message(1, record)))),
}


def request(target: str, more: bytes = b"", resource: bytes = b"") -> bytes:
    record, _, wrap = RECORDS[target]
    resource = message(1, message(1, pair("service.name", text("shop"))) + resource)
    return message(1, resource + message(2, wrap(record + more)))


def hostile(target: str) -> None:
    _, attributes, _ = RECORDS[target]
    attribute = lambda key, value: message(attributes, pair(key, value))  # noqa: E731
    good = request(target)
    cases = {
        "empty": b"",
        "good": good,
        "two": good + good,
        "cut": good[:-3],
        "huge-length": b"\x0a\xff\xff\xff\xff\x07" + good,
        "length-of-2-63": b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        "varint-overflow": b"\x0a" + b"\xff" * 10 + b"\x01",
        "varint-endless": b"\xff" * 64,
        "overlong-length": b"\x0a\x83\x80\x80\x00abc",
        "field-zero": b"\x02\x00" + good,
        "field-of-2-29": tag((1 << 29) - 1, 0) + b"\x01" + good,
        "group": tag(9, 3) + tag(1, 0) + b"\x01" + tag(9, 4) + good,
        "group-open": tag(9, 3) * 200,
        "group-closed-only": tag(9, 4),
        "wire-6": tag(1, 6) + b"\x00",
        "wrong-wire": tag(1, 0) + b"\x05",
        "wrong-wire-inside": message(1, tag(2, 5) + b"abcd"),
        "unknown-fields": request(target, message(900, b"x") + fixed64(901, 1)),
        "nested-arrays-50": request(target, attribute("k", nested(50, 5))),
        "nested-maps-40": request(target, attribute("k", nested(40, 6))),
        "nested-arrays-10000": request(target, attribute("k", nested(10_000, 5))),
        "nested-maps-2000": request(target, attribute("k", nested(2_000, 6))),
        "bad-utf8": request(target, attribute(b"k\xff", text(b"v\xc3("))),
        "no-value": request(target, attribute("k", b"")),
        "no-key": request(target, message(attributes, message(2, text("v")))),
        "twins": request(target, attribute("k", text("1")) + attribute("k", text("2")) * 3),
        "dollar": request(target, attribute("$int", text("1")) + attribute("$", text("2"))),
        "two-values-in-one": request(target, attribute("k", text("1") + tag(3, 0) + b"\x07")),
        "bytes": request(target, attribute("k", message(7, bytes(range(256))))),
        "ints": request(target, b"".join(attribute(str(n), tag(3, 0) + varint(n % 2**64)) for n in (0, -1, 2**53, 2**63))),
        "doubles": request(target, b"".join(attribute(n, tag(4, 1) + struct.pack("<d", float(n))) for n in ("nan", "inf", "-inf", "-0.0", "5e-324", "1.7976931348623157e308"))),
        "many-attributes": request(target, b"".join(attribute(f"key.{n}", text("v")) for n in range(1000))),
        "long-text": request(target, attribute("k", text("x\\\"\n" * 2000))),
        "controls": request(target, attribute("\0\x1f\x7f\u2028\u202e\U0001f600", text("\ufffd\0"))),
        "late-times": request(target, b"".join(fixed64(n, 2**64 - 1) for n in (1, 2, 3, 7, 8, 11))),
        "short-ids": request(target, message(1, b"abc") + message(2, b"") + message(4, b"x" * 9)),
        "resource-twice": message(1, message(1, b"") + message(1, message(1, pair("a", text("b"))))),
        "strindex": request(target, message(attributes, message(1, b"") + tag(3, 0) + b"\x07" + message(2, tag(8, 0) + b"\x05"))),
        "prose": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    }
    for name, data in cases.items():
        put(target, name, data)


def metrics() -> None:
    """The other kinds of metrics, at their extremes."""
    wrap = lambda field, point, more=b"": message(1, message(2, message(2, message(1, b"m") + message(field, message(1, point) + more))))  # noqa: E731
    buckets = message(6, struct.pack("<3Q", 1, 2, 2**63)) + message(7, struct.pack("<2d", 1.0, float("nan")))
    histogram = fixed64(3, 10) + tag(4, 1) + struct.pack("<Q", 2**64 - 1) + buckets
    put("otlp_metrics", "histogram", wrap(9, histogram, tag(2, 0) + b"\x02"))
    put("otlp_metrics", "histogram-unpacked", wrap(9, fixed64(3, 10) + fixed64(6, 1) * 5 + fixed64(7, 0) * 4))
    put("otlp_metrics", "histogram-odd-packing", wrap(9, message(6, b"1234567")))
    side = lambda field, offset, counts: message(field, tag(1, 0) + varint(offset) + message(2, counts))  # noqa: E731
    exponential = fixed64(3, 10) + tag(6, 0) + varint(2**32 - 1) + side(8, 2**31 - 1, b"\x01" * 300) + side(9, 2**31, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
    put("otlp_metrics", "exponential", wrap(10, exponential))
    quantile = message(6, tag(1, 1) + struct.pack("<d", 2.0) + tag(2, 1) + struct.pack("<d", -1.0))
    put("otlp_metrics", "summary", wrap(11, fixed64(3, 10) + quantile * 3))
    exemplar = message(5, fixed64(2, 5) + message(4, b"s" * 8) + message(5, b"t" * 16) + message(7, pair("k", text("v"))))
    put("otlp_metrics", "exemplars", wrap(7, POINT + exemplar * 4, tag(3, 0) + b"\x01"))
    put("otlp_metrics", "no-data", message(1, message(2, message(2, message(1, b"m") + message(12, pair("k", text("v")))))))
    put("otlp_metrics", "two-kinds", message(1, message(2, message(2, message(5, message(1, POINT)) + message(7, message(1, POINT))))))


def recorded() -> None:
    for signal in ("traces", "logs", "metrics"):
        path = ROOT / "tests" / "data" / "shop" / f"{signal}.binpb.zst"
        data = subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout
        requests, at = [], 0
        while at < len(data):
            (length,) = struct.unpack_from(">I", data, at)
            requests.append(data[at + 4 : at + 4 + length])
            at += 4 + length
        requests = sorted((r for r in requests if len(r) < 6000), key=len)
        for i in range(6):
            put(f"otlp_{signal}", f"shop-{i}", requests[i * (len(requests) - 1) // 5])
        sample = requests[len(requests) // 2]
        put("inflate", f"gzip-{signal}", gzip.compress(sample, mtime=0))
        put("inflate", f"zstd-{signal}", subprocess.run(["zstd", "-cq"], input=sample, check=True, capture_output=True).stdout)
        put("inflate", f"zlib-{signal}", zlib.compress(sample))
    for path in (ROOT / "tests" / "data" / "otlp-examples").glob("*.json"):
        put("otlp_json", path.stem, path.read_bytes())


def json() -> None:
    span = b'{"resourceSpans":[{"scopeSpans":[{"spans":[%s]}]}]}'
    log = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[%s]}]}]}'
    ids = b'"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"'
    value = b'{"attributes":[{"key":"k","value":%s}]}'
    deep = b'{"arrayValue":{"values":[' * 3000 + b'{"intValue":1}' + b"]}}" * 3000
    cases = {
        "empty": b"",
        "null": b"null",
        "array": b"[]",
        "nothing": b"{}",
        "cut": (span % (b"{" + ids))[:60],
        "ids-in-capitals": span % (b"{" + ids.upper().replace(b"TRACEID", b"traceId").replace(b"SPANID", b"spanId") + b"}"),
        "ids-in-base64": span % b'{"traceId":"W47/95gDgQPSabYzgT/GDA==","spanId":"7uGbfsPBsXQ="}',
        "kind-by-name": span % (b'{"kind":"SPAN_KIND_SERVER",' + ids + b"}"),
        "kind-odd": span % (b'{"kind":-99999999999,' + ids + b"}"),
        "times": log % b'{"timeUnixNano":"18446744073709551615","observedTimeUnixNano":18446744073709551616}',
        "times-odd": log % b'{"timeUnixNano":-1,"observedTimeUnixNano":1.5e300}',
        "times-text": log % b'{"timeUnixNano":"0x10","observedTimeUnixNano":""}',
        "snake-case": b'{"resource_logs":[{"scope_logs":[{"log_records":[{"time_unix_nano":"5"}]}]}]}',
        "twice": log % b'{"body":{"stringValue":"a"},"body":{"stringValue":"b"}}',
        "unknown": log % b'{"bodyy":{"stringValue":"a"},"x":[[[{}]]]}',
        "surrogates": log % b'{"body":{"stringValue":"\\ud800 \\ud83d\\ude00 \\u0000"}}',
        "bad-utf8": log % b'{"body":{"stringValue":"\xff\xfe"}}',
        "bytes": log % (value % b'{"bytesValue":"////+A=="}'),
        "bytes-bad": log % (value % b'{"bytesValue":"*"}'),
        "doubles": log % (value % b'{"doubleValue":"NaN"}') + b" ",
        "double-infinite": log % (value % b'{"doubleValue":"-Infinity"}'),
        "double-huge": log % (value % b'{"doubleValue":1e999}'),
        "int-text": log % (value % b'{"intValue":"-9223372036854775808"}'),
        "int-too-large": log % (value % b'{"intValue":9223372036854775808}'),
        "int-exponent": log % (value % b'{"intValue":1e3}'),
        "no-value": log % (value % b"null"),
        "two-values": log % (value % b'{"intValue":1,"stringValue":"x"}'),
        "deep-values": log % (value % deep),
        "deep-brackets": b"[" * 20_000,
        "deep-braces": b'{"a":' * 10_000,
        "trailing": log % b"{}" + b"}",
        "byte-order-mark": b"\xef\xbb\xbf{}",
        "number-long": log % (value % (b'{"doubleValue":' + b"9" * 4000 + b"}")),
    }
    for name, data in cases.items():
        put("otlp_json", name, data)


def inflate() -> None:
    zeros = b"\0" * (4 << 20)
    put("inflate", "empty", b"")
    put("inflate", "plain", b"plain text")
    put("inflate", "gzip-bomb", gzip.compress(zeros, mtime=0))
    put("inflate", "zlib-bomb", zlib.compress(zeros))
    zstd = subprocess.run(["zstd", "-cq", "-19"], input=zeros, check=True, capture_output=True).stdout
    put("inflate", "zstd-bomb", zstd)
    put("inflate", "zstd-two-frames", zstd[:0] + subprocess.run(["zstd", "-cq"], input=b"ab", check=True, capture_output=True).stdout * 2)
    put("inflate", "zstd-skippable", b"\x50\x2a\x4d\x18\x04\0\0\0abcd" * 3)
    put("inflate", "zstd-window-2-41", b"\x28\xb5\x2f\xfd\x00\xff\x01\0\0")
    put("inflate", "zstd-claims-2-62", b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 1 << 62) + b"\x01\0\0")
    two = gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0)
    put("inflate", "gzip-members", two)
    put("inflate", "gzip-trailing", two + b"rest")
    put("inflate", "gzip-cut", two[:-5])
    put("inflate", "gzip-wrong-sum", two[:-8] + b"\0" * 8)
    put("inflate", "gzip-nested", gzip.compress(gzip.compress(zeros, mtime=0), mtime=0))
    put("inflate", "gzip-long-name", b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"n" * 3000)
    raw = zlib.compressobj(wbits=-15)
    put("inflate", "deflate-raw", raw.compress(b"raw deflate") + raw.flush())
    put("inflate", "deflate-stored", b"\x01\xff\xff\0\0" + b"x" * 10)
    put("inflate", "zlib-dictionary", b"\x78\xbb\0\0\0\1" + b"x" * 10)


def crc32c(data: bytes, crc: int = 0) -> int:
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def frame(sequence: int, payload: bytes, tenant: bytes = b"default", signal: int = 0) -> bytes:
    """A frame of the log, version 2, with a salt of 0: storage/src/wal/mod.rs."""
    head = b"ORWL" + struct.pack("<HHI", 2, 70 + len(tenant), len(payload))
    rest = struct.pack("<QQqQQIH", sequence, 1, 5, sequence, 0, 0, 1) + bytes([signal, 0, 0, len(tenant)])
    rest += struct.pack("<I", crc32c(rest, crc32c(head)))
    rest += tenant + payload
    whole = head + struct.pack("<I", crc32c(rest, crc32c(head))) + rest
    return whole + b"\0" * (-len(whole) % 8)


def wal() -> None:
    three = b"".join(frame(n, b"payload %d" % n) for n in (1, 2, 3))
    one = len(frame(1, b"payload 1"))
    cases = {
        "empty": b"",
        "three": three,
        "zeros-behind": three + b"\0" * 200,
        "cut": three[:-20],
        "middle-damaged": three[: one + 30] + b"\xff" + three[one + 31 :],
        "gap": frame(1, b"a") + frame(3, b"c"),
        "backwards": frame(1, b"a") + frame(1, b"b") + frame(2, b"c"),
        "sequence-far": frame(1, b"a") + frame(2**63, b"z"),
        "tenant-odd": frame(1, b"a", b"../up"),
        "tenant-long": frame(1, b"a", b"t" * 255),
        "signal-unknown": frame(1, b"a", signal=9),
        "inside-a-body": frame(1, frame(2, b"inner")) + frame(2, b"outer"),
        "length-max": b"ORWL\x02\0\x4d\0\xff\xff\xff\xff" + three[12:],
        "only-magic": b"ORWL" * 60,
        "version-1": b"ORWL\x01\0" + three[6:],
        "version-9": b"ORWL\x09\0" + three[6:],
        "one-byte-off": b"\0" + three,
    }
    for name, data in cases.items():
        put("wal_frames", name, data)


def texts() -> None:
    filters = [
        "", "service:checkout status:error duration>250ms -health", "a OR b AND NOT c", "(a (b (c)))", "(" * 40,
        "-" * 200 + "a", 'name:"GET /*"', "name:GET*", "name:/GET|PUT/", "name:/(/", "/(a|b)*c/", "x:(1 2 OR 3)",
        "code:>=500", "duration:<=1.5s", "duration>9999999999999h", "k:" + "9" * 400, "\\", 'a:"', "a:\\\\\\", "a!=*",
        "http.route:/cart name:/x", "url:http://x:80/a?b=c", "\u202e\0\U0001f600:\ufffd", "trace.duration>1s", "NOT NOT NOT a",
        "AND", "OR OR", "a " * 60, "*" * 300, "k:/" + "(a*)*" * 50 + "/", "time:>2026-01-01", "has:k", "1e308>1e309",
    ]
    for n, text in enumerate(filters):
        put("filter", f"{n:02}", text.encode())
    objects = [
        "{}", "{", '{"a":1}', '{"a":"b","c":[1,2.0,true,null]}', '{"$dup":[1,2]}', '{"k":{"$dup":["x",{"$int":"9007199254740993"}]}}',
        '{"k":{"$double":"NaN"}}', '{"k":{"$bytes":"AAEC"}}', '{"k":{"$bytes":"*"}}', '{"$strindex:5:k":{"$strindex":7}}', '{"$strindex:x:k":1}',
        '{"$$k":"v"}', '{"$k":"v"}', '{"k":"\\ud800"}', '{"k":"\\u0000\\n\\"\\\\"}', '{"k":"\\u12', '{"k":1e999,"l":-0.0,"m":1.}', '{"k":' + "[" * 90 + "]" * 90 + "}",
        '{"a":1,"a":2}', '{"":""}', ' { "a" : { "b" : [ { } ] } } ', '{"a"', '{"a":}', '{"a":1,}', '[1]', '"x"', '{"k":{"$int":"1","x":2}}', '{"k":{"$int":5}}',
        '{"k":99999999999999999999}', '{"k":tru}', "{\"\u202e\":\"\U0001f600\"}",
    ]
    for n, text in enumerate(objects):
        put("attributes", f"{n:02}", text.encode())
    settings = [
        "", 'data_dir = "x"', 'otlp_http = "127.0.0.1:1"\n[storage]\nflush_interval = "3s"\n', "[storage]\nflush_interval = -1",
        '[storage]\nflush_bytes = "9999999999999 PiB"', '[storage]\nflush_bytes = "1e400 MiB"', '[storage]\nflush_interval = "99999999999999999999 years"',
        '[storage]\nflush_interval = ""', '[storage]\npromote_spans = ["attributes.x:int", ""]', "[storage]\npromote_spans = [[[[[[]]]]]]", "[storage]\n[storage]\n",
        "a.b.c.d = 1", "[" * 500, "x = " + "[" * 2000, "x = " + "{a=" * 500, 'token = "***"', 'token = "\u00e4"', 'token = "a"\ntoken_file = "/dev/null"',
        'otlp_grpc = "0.0.0.0:1"', 'otlp_grpc = "localhost:99999"', 'http = "[::1]:0"', "insecure_no_auth = 1", "storage = 1", "[storage]\ndata_dir = 1",
        'log_format = "yaml"', "[query]\nspill_dir = 7", "x = 0xffffffffffffffffffff", "x = 1979-05-27T07:32:00Z", "\ufeff", "x = \"\\uD800\"", "\0",
        '"" = 1', "[collector]\nmax_body_bytes = 5", "[storage]\nwal_segment_bytes = 0", "[storage]\ndedup_entries_max = 18446744073709551615",
    ]
    for n, text in enumerate(settings):
        put("settings", f"{n:02}", text.encode())
    put("settings", "not-utf8", b"x = \"\xff\"")


if __name__ == "__main__":
    for target in RECORDS:
        hostile(target)
    metrics()
    recorded()
    json()
    inflate()
    wal()
    texts()
