//! JSON as Protocol Buffers.

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

use super::*;
use crate::decode::protobuf::schema::{FieldKind, FieldType, Schema, Type};
use crate::decode::protobuf::special::Special;

const ALL: &str = "protobuf:decode/test.desc#wirecat.test.All";
const OLD: &str = "protobuf:corpus/proto2.desc#wirecat.old.Old";

fn hex_of(typed: &str, json: &str) -> Result<String, String> {
    encoded(typed, json).map(|message| codec::hex(message.payload(), ""))
}

/// Each line of a file of `tests/corpus` that is good, with what is written for its JSON.
#[track_caller]
fn check(typed: &str, file: &str) {
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    let good = lines
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, json)| *json != "!");
    let (mut count, mut wrong) = (0, Vec::new());
    for (hex, json) in good {
        count += 1;
        let written = hex_of(typed, json);
        if written.as_deref() != Ok(hex) {
            wrong.push(format!("{json}\n  {hex}\n  {written:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 6, "{count}");
}

#[test]
fn what_is_written_is_what_google_writes() {
    check(ALL, include_str!("../../../tests/corpus/protobuf.txt"));
    check(OLD, include_str!("../../../tests/corpus/proto2.txt"));
}

#[test]
fn fields_have_the_names_and_forms_that_the_mapping_allows() {
    for (json, same) in [
        (r#"{"an_int32":5}"#, r#"{"anInt32":5}"#),
        (r#"{"anInt32":"5"}"#, r#"{"anInt32":5}"#),
        (r#"{"anInt32":5.0}"#, r#"{"anInt32":5}"#),
        (r#"{"anInt32":5e2}"#, r#"{"anInt32":500}"#),
        (
            r#"{"anInt64":9007199254740993}"#,
            r#"{"anInt64":"9007199254740993"}"#,
        ),
        (r#"{"color":5}"#, r#"{"color":"BLUE"}"#),
        (
            r#"{"aDouble":"1.5","aFloat":"NaN"}"#,
            r#"{"aDouble":1.5,"aFloat":"NaN"}"#,
        ),
        (r#"{"someBytes":"_-8"}"#, r#"{"someBytes":"/+8="}"#),
        (r#"{"point":null,"names":null}"#, "{}"),
        (
            r#"{"at":"2026-11-29T13:30:00+01:30"}"#,
            r#"{"at":"2026-11-29T12:00:00Z"}"#,
        ),
        (r#"{"took":"1.5s"}"#, r#"{"took":"1.500s"}"#),
        (
            r#"{"any":{"@type":"t/wirecat.test.Point","x":1}}"#,
            r#"{"any":{"x":1,"@type":"t/wirecat.test.Point"}}"#,
        ),
        (
            r#"{"aString":"a","anInt32":1}"#,
            r#"{"anInt32":1,"aString":"a"}"#,
        ),
    ] {
        let (one, other) = (hex_of(ALL, json), hex_of(ALL, same));
        assert!(one.is_ok(), "{json}: {one:?}");
        assert_eq!(one, other, "{json}");
    }
    // What is in the JSON is on the wire, a zero too.
    assert_eq!(
        hex_of(ALL, r#"{"anInt32":0,"next":{}}"#),
        Ok("1800da0100".to_owned())
    );
    assert_eq!(
        hex_of(ALL, r#"{"value":null}"#),
        Ok("fa01020800".to_owned())
    );
}

#[test]
fn what_does_not_fit_the_type_is_refused_with_its_place() {
    for (json, why) in [
        ("[1]", "an array stands where an object should be"),
        (
            r#"{"anInt23":1}"#,
            "wirecat.test.All has no field 'anInt23'; did you mean 'anInt32'?",
        ),
        (r#"{"7":1}"#, "wirecat.test.All has no field '7'"),
        (
            r#"{"anInt32":2147483648}"#,
            ".anInt32: 2147483648 is no int32",
        ),
        (r#"{"anInt32":1.5}"#, ".anInt32: 1.5 is no int32"),
        (r#"{"anInt32":""}"#, ".anInt32: \"\" is no int32"),
        (
            r#"{"anInt64":9007199254740993.0}"#,
            ".anInt64: 9007199254740993.0 is no int64",
        ),
        (r#"{"aUint32":-1}"#, ".aUint32: -1 is no uint32"),
        (
            r#"{"aUint64":18446744073709551616}"#,
            ".aUint64: 18446744073709551616 is no uint64",
        ),
        (r#"{"aDouble":1e999}"#, ".aDouble: 1e999 is no double"),
        (r#"{"aFloat":1e39}"#, ".aFloat: 1e39 is no float"),
        (r#"{"aFloat":"inf"}"#, ".aFloat: \"inf\" is no float"),
        (r#"{"aBool":1}"#, ".aBool: 1 is no bool"),
        (
            r#"{"aString":5}"#,
            ".aString: 5 stands where a string should be",
        ),
        (r#"{"someBytes":"%"}"#, ".someBytes: it is not base64"),
        (
            r#"{"color":"PINK"}"#,
            ".color: \"PINK\" is no value of the enum",
        ),
        (
            r#"{"numbers":5}"#,
            ".numbers: 5 stands where an array should be",
        ),
        (
            r#"{"points":[{},{"x":"a"}]}"#,
            ".points[1].x: \"a\" is no int32",
        ),
        (
            r#"{"names":["a",null]}"#,
            ".names[1]: null stands where a string should be",
        ),
        (r#"{"counts":{"a":"b"}}"#, ".counts.a: \"b\" is no int32"),
        (r#"{"byId":{"a":{}}}"#, ".byId.a: \"a\" is no int64"),
        (r#"{"flags":{"yes":""}}"#, ".flags.yes: \"yes\" is no bool"),
        (
            r#"{"left":"l","right":1}"#,
            "left and right are of one oneof",
        ),
        (
            r#"{"anInt32":1,"an_int32":2}"#,
            "anInt32 and an_int32 are the same field",
        ),
        (
            r#"{"at":"yesterday"}"#,
            ".at: 'yesterday' is no timestamp such as 2026-11-29T12:00:00Z",
        ),
        (
            r#"{"took":"1.5"}"#,
            ".took: '1.5' is no duration such as 1.5s",
        ),
        (
            r#"{"any":{"@type":"a/b.C","x":1}}"#,
            ".any: the descriptor has no message type 'b.C'",
        ),
        (r#"{"wrapped":{}}"#, ".wrapped: an object is no int64"),
    ] {
        let error = encoded(ALL, json).unwrap_err();
        // Numbers are shown as serde_json writes them.
        assert_eq!(error.replace("e+", "e"), why, "{json}");
    }
    for (json, why) in [
        ("{}", "name is required"),
        (r#"{"name":"a","inner":{}}"#, ".inner: n is required"),
    ] {
        assert_eq!(encoded(OLD, json).unwrap_err(), why, "{json}");
    }
}

#[test]
fn nesting_has_a_limit() {
    let nested = |levels: usize| {
        let open = r#"{"next":"#.repeat(levels);
        format!("{open}{{}}{}", "}".repeat(levels))
    };
    assert!(encoded(ALL, &nested(100)).is_ok());
    assert!(encoded(ALL, &nested(101)).is_err());
}

/// Makes values that fit a type, with no field that is empty: those do not come back.
struct Maker<'a> {
    schema: &'a Schema,
    rng: StdRng,
}

impl Maker<'_> {
    fn message(&mut self, index: usize, depth: usize) -> Value {
        let message = &self.schema.messages[index];
        if let Some(special) = Special::named(&message.name) {
            return self.special(special, &message.name, depth);
        }
        let mut out = Map::new();
        let mut oneofs = Vec::new();
        for field in &message.fields {
            let is_new = field.oneof.is_none_or(|it| !oneofs.contains(&it));
            if field.is_required || (depth < 4 && is_new && self.rng.random_bool(0.3)) {
                out.insert(field.json_name.clone(), self.field(field, depth));
                oneofs.extend(field.oneof);
            }
        }
        Value::Object(out)
    }

    fn special(&mut self, special: Special, name: &str, depth: usize) -> Value {
        match special {
            Special::Timestamp => json!("2026-11-29T12:00:00.120Z"),
            Special::Duration => json!("-3.000000001s"),
            Special::FieldMask => json!("a.bC,d"),
            Special::Any => json!({"@type": "x/google.protobuf.Duration", "value": "5s"}),
            Special::Struct => json!({"a": [1.5, null, {"b": false}]}),
            Special::List => json!([[], {}, "x"]),
            Special::Value => Value::Null,
            Special::Wrapper if name.ends_with("StringValue") => {
                self.value(FieldKind::String, depth)
            }
            Special::Wrapper if name.ends_with("BoolValue") => self.value(FieldKind::Bool, depth),
            Special::Wrapper => self.value(FieldKind::Int64, depth),
        }
    }

    fn field(&mut self, field: &FieldType, depth: usize) -> Value {
        if !field.is_repeated {
            return self.value(field.kind, depth);
        }
        if let FieldKind::Message(index) = field.kind
            && let entry = &self.schema.messages[index]
            && entry.is_map_entry
        {
            let (key, item) = (entry.field(1).unwrap(), entry.field(2).unwrap());
            let key = match self.value(key.kind, depth) {
                Value::String(text) => text,
                other => other.to_string(),
            };
            return Value::Object([(key, self.value(item.kind, depth))].into_iter().collect());
        }
        (0..self.rng.random_range(1..4))
            .map(|_| self.value(field.kind, depth))
            .collect()
    }

    fn value(&mut self, kind: FieldKind, depth: usize) -> Value {
        use FieldKind::{
            Bool, Bytes, Double, Enum, Fixed32, Fixed64, Float, Group, Int32, Int64, Message,
            SFixed32, SFixed64, SInt32, SInt64, UInt32, UInt64,
        };
        let shift = self.rng.random_range(0..64);
        let bits = self.rng.random::<u64>() >> shift;
        match kind {
            Double => json!(f64::from(bits as u32) + 0.5),
            Float => json!(f32::from(bits as u16) + 0.25),
            Int64 | SInt64 | SFixed64 => json!((bits as i64).to_string()),
            UInt64 | Fixed64 => json!(bits.to_string()),
            Int32 | SInt32 | SFixed32 => json!(bits as i32),
            UInt32 | Fixed32 => json!(bits as u32),
            Bool => json!(bits & 1 == 1),
            FieldKind::String => json!(format!("é{bits:x}")),
            Bytes => {
                let mut base64 = Vec::new();
                codec::push_base64(&bits.to_be_bytes()[..bits as usize % 8], &mut base64);
                json!(String::from_utf8(base64).unwrap())
            }
            Enum(index) => {
                let values = &self.schema.enums[index].values;
                json!(values[bits as usize % values.len()].0)
            }
            Message(index) | Group(index) => self.message(index, depth + 1),
        }
    }
}

proptest! {
    #[test]
    fn whatever_fits_a_type_comes_back(seed: u64) {
        for typed in [ALL, OLD] {
            let Some(Step::Typed(Some(Type { schema, index }))) = chain(typed).steps.pop() else {
                panic!("{typed} is a type");
            };
            let rng = StdRng::seed_from_u64(seed);
            let value = Maker { schema: &schema, rng }.message(index, 0);
            let text = value.to_string();
            let message = encoded(typed, &text);
            prop_assert!(message.is_ok(), "{} {:?}", text, message);
            prop_assert_eq!(decoded(typed, message.unwrap()), Message::text(text));
        }
    }
}
