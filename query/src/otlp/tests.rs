//! Tests of rows back to OTLP. The property over the whole path (request -> decode -> Parquet ->
//! back) stands in the repository's tests, which may see the decoder.

use oriel_proto::otlp::common::v1::any_value::Value;

use super::value::attributes;

/// Scenario: one object with every form of the attribute encoding.
/// Guarantees: types, order, keys sent twice and escapes come back exactly.
#[test]
fn encoding_is_inverted() {
    let object = concat!(
        r#"{"s":"x\n","i":-5,"big":{"$int":"9223372036854775807"},"d":1.0,"z":-0.0,"e":1e300,"#,
        r#""n":{"$double":"-Infinity"},"b":{"$bytes":"AAE="},"t":true,"null":null,"l":[1,"a",[]],"#,
        r#""m":{"$$k":{"$dup":[1,2]},"e":{}},"k":{"$dup":["a",2]},"$strindex:3:q":{"$strindex":4}}"#
    );
    let found = attributes(object).unwrap();
    let keys: Vec<&str> = found.iter().map(|kv| kv.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "s", "i", "big", "d", "z", "e", "n", "b", "t", "null", "l", "m", "k", "k", "q"
        ]
    );
    let value = |at: usize| found[at].value.clone().unwrap().value;
    assert_eq!(value(0), Some(Value::StringValue("x\n".to_owned())));
    assert_eq!(value(1), Some(Value::IntValue(-5)));
    assert_eq!(value(2), Some(Value::IntValue(i64::MAX)));
    assert_eq!(value(3), Some(Value::DoubleValue(1.0)));
    assert!(matches!(value(4), Some(Value::DoubleValue(zero)) if zero.is_sign_negative()));
    assert_eq!(value(6), Some(Value::DoubleValue(f64::NEG_INFINITY)));
    assert_eq!(value(7), Some(Value::BytesValue(vec![0, 1])));
    assert_eq!(value(9), None);
    let Some(Value::KvlistValue(map)) = value(11) else {
        panic!("not a map");
    };
    assert_eq!(map.values[0].key, "$k");
    assert_eq!(map.values.len(), 3);
    assert_eq!(found[14].key_strindex, 3);
    assert_eq!(value(14), Some(Value::StringValueStrindex(4)));
    assert!(attributes("[1]").is_none());
}
