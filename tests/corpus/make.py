#!/usr/bin/env python3
"""Makes the inputs in this folder for `src/decode/tests/corpus.rs`, all with other programs than wirecat.

    pip install cbor2==6.3.0 msgpack==1.2.4 protobuf==7.36.2 zstandard==0.25.0
    python3 make.py

Python's zlib and gzip, cbor2, msgpack, google.protobuf and zstandard write what is good; the JSON beside it comes from the
values that they were given, by the rules of docs/decoding.md, and for typed Protocol Buffers from google.protobuf itself.
What is broken is something good that was cut off or changed, and that the same program refuses to read.
The same seed makes the same files. A line is the hex of an input and its JSON, or `!` if the input is broken; the parts of
a zlib stream are separated by commas, and their JSON texts by tabs.
"""
import base64, datetime, gzip, io, json, os, random, re, struct, zlib

import cbor2, msgpack, zstandard
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

HERE = os.path.dirname(os.path.abspath(__file__))
EACH = 60


def text(value):
    written = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    # Python writes 1e-07, where wirecat writes 1e-7.
    return re.sub(r"(\de[-+])0(\d)", r"\1\2", written)


def write(name, made, good, broken):
    seen = list(dict.fromkeys(good))
    bad = list(dict.fromkeys(broken))
    assert len(seen) >= EACH and len(bad) >= EACH, (name, len(seen), len(bad))
    with open(os.path.join(HERE, name), "w") as file:
        file.write(f"# Made by make.py with {made}.\n")
        file.writelines(f"{hexes} {json_text}\n" for hexes, json_text in seen[:EACH])
        file.writelines(f"{hexes} !\n" for hexes in bad[:EACH])


def spoil(rng, whole):
    """Cuts an input off, or changes, adds or leaves out some of it."""
    data = bytearray(whole)
    kind = rng.randrange(4)
    if kind == 0:
        return bytes(data[: rng.randrange(len(data))])
    at = rng.randrange(len(data))
    if kind == 1:
        data[at] ^= 1 << rng.randrange(8)
    elif kind == 2:
        data[at] = rng.choice([0x00, 0x1F, 0x7F, 0x80, 0xC1, 0xFF])
    else:
        del data[at]
    return bytes(data)


def refused(rng, wholes, refuses):
    out = []
    while len(out) < 4 * EACH:
        data = spoil(rng, rng.choice(wholes))
        if data and refuses(data):
            out.append(data)
    rng.shuffle(out)
    return out


def raises(read):
    def refuses(data):
        try:
            read(data)
        except Exception:
            return True
        return False

    return refuses


# Values

WORDS = ["", "a", "id", "naïve", "日本語", 'quote"', "back\\slash", "line\nend", "tab\t", "😀", "x" * 40, "y" * 300, "\x00"]


def scalar(rng, binary):
    kind = rng.randrange(9 if binary else 7)
    if kind == 0:
        return None
    if kind == 1:
        return rng.random() < 0.5
    if kind in (2, 3):
        bits = rng.choice([3, 5, 7, 8, 15, 16, 31, 32, 52, 63])
        return rng.getrandbits(bits) * rng.choice([1, -1])
    if kind == 4:
        return rng.choice([0.5, -2.25, 1.1, 3.14159, 1e-7 * 1.5, 6.02e23, -0.75, 123456.789])
    if kind in (5, 6):
        return rng.choice(WORDS) + rng.choice(["", "z"])
    return rng.randbytes(rng.choice([0, 1, 2, 3, 20, 300]))


def value(rng):
    """Mostly short."""
    longest = 1500 if rng.random() < 0.05 else 120
    while True:
        it = any_value(rng)
        if len(repr(it)) <= longest:
            return it


def any_value(rng, depth=0, binary=True):
    kind = rng.randrange(6) if depth < 4 else 0
    if depth == 0:
        kind = rng.randrange(3, 7)
    if kind in (3, 4):
        return [any_value(rng, depth + 1, binary) for _ in range(rng.choice([0, 1, 2, 3, 17]))]
    if kind == 5:
        keys = rng.sample(["op", "d", "s", "t", "ключ", "", "k" * 33, "seq", "n\n"], rng.choice([0, 1, 2, 5]))
        return {key: any_value(rng, depth + 1, binary) for key in keys}
    return scalar(rng, binary)


def as_json(it, encode):
    if isinstance(it, (bytes, bytearray)):
        return encode(bytes(it))
    if isinstance(it, list):
        return [as_json(item, encode) for item in it]
    if isinstance(it, dict):
        return {key: as_json(item, encode) for key, item in it.items()}
    return it


def std(data):
    return base64.b64encode(data).decode()


def url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


# MessagePack and CBOR

def make_msgpack():
    rng = random.Random(14_01)
    good, wholes = [], []
    special = [
        (b"\x00\xff", std(b"\x00\xff")),
        (msgpack.ExtType(5, b"\x01\x02\x03"), {"type": 5, "data": "AQID"}),
        (msgpack.ExtType(127, b"x" * 20), {"type": 127, "data": std(b"x" * 20)}),
        (datetime.datetime(2026, 11, 29, 12, 0, 0, tzinfo=datetime.timezone.utc), "2026-11-29T12:00:00Z"),
        (datetime.datetime(2026, 11, 29, 12, 0, 0, 500000, tzinfo=datetime.timezone.utc), "2026-11-29T12:00:00.5Z"),
        (datetime.datetime(1901, 1, 1, tzinfo=datetime.timezone.utc), "1901-01-01T00:00:00Z"),
        ({1: "a", -1: "b"}, {"1": "a", "-1": "b"}),
        ({True: 1}, {"true": 1}),
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
        (list(range(70_000, 70_020)), list(range(70_000, 70_020))),
    ]
    values = special + [(it, as_json(it, std)) for it in (value(rng) for _ in range(120))]
    for it, said in values:
        packed = msgpack.packb(it, datetime=True)
        wholes.append(packed)
        good.append((packed.hex(), text(said)))
    read = lambda data: msgpack.unpackb(data, strict_map_key=False, raw=True, max_ext_len=1 << 20)
    # Several values are an array to wirecat, and an error to unpackb.
    def refuses(data):
        try:
            read(data)
        except msgpack.exceptions.ExtraData:
            return False
        except Exception:
            return True
        return False

    broken = refused(rng, wholes, refuses)
    write("msgpack.txt", "msgpack " + ".".join(map(str, msgpack.version)), good, [it.hex() for it in broken])


def make_cbor():
    rng = random.Random(14_02)
    good, wholes = [], []
    utc = datetime.timezone.utc
    special = [
        (cbor2.undefined, None),
        (cbor2.CBORSimpleValue(99), None),
        (float("nan"), None),
        (float("-inf"), None),
        (2**64, 2**64),
        (-(2**64) - 1, -(2**64) - 1),
        (2**200, 2**200),
        (cbor2.CBORTag(1, 1795939200), "2026-11-29T08:00:00Z"),
        (cbor2.CBORTag(0, "2026-11-29T12:00:00Z"), "2026-11-29T12:00:00Z"),
        (cbor2.CBORTag(22, b"\xff\xfe"), "//4="),
        (cbor2.CBORTag(23, [b"\xff\xfe", b"\x00"]), ["FFFE", "00"]),
        (cbor2.CBORTag(21, {"a": b"\xff"}), {"a": "_w"}),
        (cbor2.CBORTag(55799, [1]), [1]),
        ({1: "a", "b": [2]}, {"1": "a", "b": [2]}),
        ({(1, 2): 3}, {"[1,2]": 3}),
    ]
    values = special + [(it, as_json(it, url)) for it in (value(rng) for _ in range(120))]
    for number, (it, said) in enumerate(values):
        packed = cbor2.dumps(it, canonical=number % 2 == 1)
        if number % 2 == 1 and isinstance(said, (dict, list)):
            # A canonical map has its keys in another order.
            packed = cbor2.dumps(it)
        wholes.append(packed)
        good.append((packed.hex(), text(said)))
    # Two data items in one message, as the AT Protocol sends them.
    pair = [{"t": "#commit", "op": 1}, {"seq": 42, "repo": "did:plc:abc", "blocks": b"\x01\x02"}]
    good.insert(0, (b"".join(map(cbor2.dumps, pair)).hex(), text(as_json(pair, url))))

    def read_all(data):
        stream = io.BytesIO(data)
        while stream.tell() < len(data):
            cbor2.load(stream)

    # Only what is not well-formed: cbor2 also refuses what it cannot hold.
    def refuses(data):
        try:
            read_all(data)
        except cbor2.CBORDecodeEOF:
            return True
        except UnicodeDecodeError:
            return True
        except cbor2.CBORDecodeError as error:
            words = ("utf-8", "unexpected", "unknown", "additional", "premature", "reserved", "length", "codec")
            return any(word in str(error).lower() for word in words)
        except Exception:
            return False
        return False

    broken = refused(rng, wholes, refuses)
    write("cbor.txt", f"cbor2 {version('cbor2')}", good, [it.hex() for it in broken])


def version(package):
    from importlib.metadata import version as of

    return of(package)


# Compressed messages

def texts(rng, count):
    return [text(as_json(value(rng), std)) for _ in range(count)]


def make_gzip():
    rng = random.Random(14_03)
    good, wholes = [], []
    for number, said in enumerate(texts(rng, 120)):
        data = said.encode()
        packed = gzip.compress(data, compresslevel=number % 10, mtime=number % 2)
        if number % 7 == 3:
            buffer = io.BytesIO()
            with gzip.GzipFile("name.json", "wb", fileobj=buffer, mtime=7) as file:
                file.write(data)
            packed = buffer.getvalue()
        if number % 7 == 5:
            half = len(data) // 2
            packed = gzip.compress(data[:half], mtime=0) + gzip.compress(data[half:], mtime=0)
        wholes.append(packed)
        good.append((packed.hex(), said))
    broken = refused(rng, wholes, raises(gzip.decompress))
    write("gzip.txt", f"the gzip module of Python (zlib {zlib.ZLIB_RUNTIME_VERSION})", good, [it.hex() for it in broken])


def make_zlib_stream():
    rng = random.Random(14_04)
    good, broken = [], []
    while len(good) < 2 * EACH or len(broken) < 2 * EACH:
        said = [it or "{}" for it in texts(rng, rng.randrange(1, 6))]
        packer = zlib.compressobj(rng.randrange(10), zlib.DEFLATED, rng.randrange(9, 16))
        parts = [packer.compress(it.encode()) + packer.flush(zlib.Z_SYNC_FLUSH) for it in said]
        if rng.random() < 0.15:
            last = packer.compress(b'"the end"') + packer.flush(zlib.Z_FINISH)
            parts.append(last)
            said.append('"the end"')
        good.append((",".join(it.hex() for it in parts), "\t".join(said)))
        number = rng.randrange(len(parts))
        spoilt = spoil(rng, parts[number])
        if not spoilt:
            continue
        parts[number] = spoilt
        if stream_is_refused(parts[: number + 1]):
            broken.append(",".join(it.hex() for it in parts))
    write("zlib-stream.txt", f"the zlib module of Python (zlib {zlib.ZLIB_RUNTIME_VERSION})", good, broken)


def stream_is_refused(parts):
    inflater = zlib.decompressobj()
    for part in parts:
        try:
            inflater.decompress(part)
        except zlib.error:
            return True
    return False


def make_zstd():
    rng = random.Random(14_05)
    good, wholes = [], []
    for number, said in enumerate(texts(rng, 120)):
        data = said.encode()
        packer = zstandard.ZstdCompressor(
            level=[1, 3, 9, 19, -5][number % 5],
            write_checksum=number % 2 == 0,
            write_content_size=number % 3 != 0,
        )
        packed = packer.compress(data)
        if number % 7 == 5:
            half = len(data) // 2
            packed = packer.compress(data[:half]) + packer.compress(data[half:])
        if number % 7 == 6:
            packed = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + packed
        wholes.append(packed)
        good.append((packed.hex(), said))

    def read(data):
        # Frame by frame: the decompressor passes over what is not a frame at all.
        while data:
            if data[:4] and len(data) >= 8 and data[1:4] == b"\x2a\x4d\x18" and data[0] >> 4 == 5:
                length = struct.unpack("<I", data[4:8])[0]
                assert len(data) >= 8 + length
                data = data[8 + length :]
                continue
            unpacker = zstandard.ZstdDecompressor().decompressobj()
            unpacker.decompress(data)
            assert unpacker.eof
            data = unpacker.unused_data

    broken = refused(rng, wholes, raises(read))
    for packed in wholes:
        read(packed)
    write("zstd.txt", f"zstandard {version('zstandard')} (zstd {'.'.join(map(str, zstandard.ZSTD_VERSION))})", good, [it.hex() for it in broken])


# Protocol Buffers

def types(path, *names):
    files = descriptor_pb2.FileDescriptorSet()
    with open(path, "rb") as file:
        files.ParseFromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    classes = [message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names]
    return (pool, *classes)


INTS = [1, -1, 2, 127, 128, 300, 2**31 - 1, -(2**31)]


def typed(rng, All, pool, depth=0):
    it = All()
    fields = rng.sample(range(30), rng.randrange(1, 6 if depth else 8))
    for field in fields:
        fill(rng, it, field, All, pool, depth)
    return it


def fill(rng, it, field, All, pool, depth):
    unsigned = [1, 127, 128, 2**32 - 1]
    half = lambda: rng.choice([0.5, -2.25, 1e-3, 123456.789, float("inf"), float("nan")])
    match field:
        case 0: it.a_double = half()
        case 1: it.a_float = rng.choice([0.5, -2.25, 1.1, float("-inf")])
        case 2: it.an_int32 = rng.choice(INTS)
        case 3: it.an_int64 = rng.choice(INTS + [2**63 - 1, -(2**63), 2**53 + 1])
        case 4: it.a_uint32 = rng.choice(unsigned)
        case 5: it.a_uint64 = rng.choice(unsigned + [2**64 - 1])
        case 6: it.a_sint32 = rng.choice(INTS)
        case 7: it.a_sint64 = rng.choice(INTS + [-(2**63)])
        case 8: it.a_fixed32 = rng.choice(unsigned)
        case 9: it.a_fixed64 = rng.choice(unsigned + [2**64 - 1])
        case 10: it.a_sfixed32 = rng.choice(INTS)
        case 11: it.a_sfixed64 = rng.choice(INTS)
        case 12: it.a_bool = True
        case 13: it.a_string = rng.choice(WORDS[1:])
        case 14: it.some_bytes = rng.randbytes(rng.choice([1, 2, 3, 30]))
        case 15: it.color = rng.choice([1, 5, 77])
        case 16: it.point.x, it.point.y = rng.choice(INTS), rng.choice(INTS)
        case 17: it.numbers.extend(rng.choices(INTS, k=3))
        case 18: it.names.extend(rng.choices(WORDS, k=3))
        case 19:
            it.points.add().x = 7
            it.points.add()
        case 20: it.colors.extend([0, 1, 5])
        case 21: it.counts[rng.choice(WORDS)] = rng.choice(INTS)
        case 22: it.by_id[rng.choice(INTS)].x = 3
        case 23: it.flags[rng.random() < 0.5] = "on"
        case 24: it.left = "l"
        case 25:
            if depth < 3:
                it.next.CopyFrom(typed(rng, All, pool, depth + 1))
        case 26: it.at.FromJsonString(rng.choice(["2026-11-29T12:00:00Z", "1901-02-03T04:05:06.789Z", "0001-01-01T00:00:00Z", "2038-01-19T03:14:08.000000001Z"]))
        case 27: it.took.FromJsonString(rng.choice(["1.500s", "-0.250s", "3600s", "0.000000001s"]))
        case 28:
            it.info.update({"a": [1.5, "x", None, True]})
            it.value.string_value = "v"
            it.list.extend([{"k": 0.5}, None])
        case 29:
            it.wrapped.value = rng.choice(INTS)
            it.text.value = "t"
            it.maybe.value = True
            it.mask.paths.extend(["a.b_c", "d"])
            inner = type(it)()
            inner.an_int32 = 5
            it.any.Pack(inner)
            it.doubles.extend([0.5, -1.25])
            it.fixeds.extend([1, 2**32 - 1])


def make_protobuf():
    rng = random.Random(14_06)
    path = os.path.join(HERE, "../decode/test.desc")
    pool, All = types(path, "wirecat.test.All")
    good, wholes = [], []
    while len(good) < 4 * EACH:
        it = typed(rng, All, pool)
        packed = it.SerializeToString(deterministic=True)
        if not packed or len(packed) > 600:
            continue
        said = json_format.MessageToDict(it, descriptor_pool=pool)
        wholes.append(packed)
        good.append((packed.hex(), text(said)))
    broken = refused(rng, wholes, raises(lambda data: All().ParseFromString(data)))
    write("protobuf.txt", f"google.protobuf {version('protobuf')}: wirecat.test.All of tests/decode/test.desc", good, [it.hex() for it in broken])


def make_untyped():
    rng = random.Random(14_07)
    path = os.path.join(HERE, "../decode/test.desc")
    pool, All = types(path, "wirecat.test.All")
    # Fields whose guess is certain; the rules stand in docs/decoding.md.
    clear = [2, 3, 4, 5, 6, 7, 13, 15, 16, 18, 24, 25]
    good, wholes = [], []
    while len(good) < 6 * EACH:
        it = All()
        for field in rng.sample(clear, rng.randrange(1, 7)):
            if field == 25:
                it.next.an_int32 = rng.choice(INTS)
                it.next.names.extend(["inner", "more"])
            elif field == 18:
                it.names.extend(["one", "two"])
            elif field == 13:
                it.a_string = rng.choice(["text", "naïve", "日本語", "two words"])
            else:
                fill(rng, it, field, All, pool, 0)
        packed = it.SerializeToString(deterministic=True)
        if not packed:
            continue
        wholes.append(packed)
        good.append((packed.hex(), text(untyped(it))))
    # Without a type only the wire format can be broken; a message without fields reads it.
    from google.protobuf import empty_pb2

    broken = refused(rng, wholes, raises(lambda data: empty_pb2.Empty().ParseFromString(data)))
    write("protobuf-untyped.txt", f"google.protobuf {version('protobuf')}", good, [it.hex() for it in broken])


def untyped(message):
    out = {}
    for field, it in message.ListFields():
        out[str(field.number)] = [one(field, item) for item in it] if field.is_repeated else one(field, it)
    return out


def one(field, it):
    if field.type in (field.TYPE_SINT32, field.TYPE_SINT64):
        return it * 2 if it >= 0 else -it * 2 - 1
    if isinstance(it, int):
        return it & (2**64 - 1)
    return untyped(it) if field.type == field.TYPE_MESSAGE else it


def make_proto2():
    """Vectors of an older syntax: required fields, groups, fields that are not packed."""
    path = os.path.join(HERE, "proto2.desc")
    pool, Old = types(path, "wirecat.old.Old")
    lines = []
    for said in [
        {"name": "a"},
        {"name": "", "level": "LOW"},
        {"name": "a", "loose": [1, 2, 300], "tight": [1, 2, 300]},
        {"name": "a", "inner": {"n": -5}},
        {"name": "a", "item": [{"s": "x"}, {}, {"s": "y"}]},
        {"name": "a", "@odd": "o"},
    ]:
        it = json_format.ParseDict(said, Old(), descriptor_pool=pool)
        lines.append(f"{it.SerializeToString(deterministic=True).hex()} {text(said)}\n")
    with open(os.path.join(HERE, "proto2.txt"), "w") as file:
        file.write(f"# Made by make.py with google.protobuf {version('protobuf')}: wirecat.old.Old of proto2.desc.\n")
        file.writelines(lines)


if __name__ == "__main__":
    make_msgpack()
    make_cbor()
    make_gzip()
    make_zlib_stream()
    make_zstd()
    make_protobuf()
    make_untyped()
    make_proto2()
