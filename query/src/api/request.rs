//! What requests have in common: query parameters, the time range, limits, cursors.
//!
//! Parameters become a struct by serde, with `#[serde(deny_unknown_fields)]`: one that a route does
//! not know is refused with the closest name. A parameter given as `name=` counts as not given.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{FromRequestParts, Query};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Uri;
use http::request::Parts;
use serde::de::value::{Error as ValueError, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer, Visitor};
use serde::{Deserializer, Serialize, forward_to_deserialize_any};

use crate::error::{Code, Error, closest};
pub(crate) use crate::filter::quoted;

/// The range when none is asked for: the last hour.
const RANGE_DEFAULT: i64 = 3_600_000_000_000;

/// The query parameters of a request. A field that is a `Vec` takes every value of a repeated
/// parameter; any other parameter may be given once.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parse(&parts.uri).map(Params)
    }
}

fn parse<T: DeserializeOwned>(uri: &Uri) -> Result<T, Error> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|error| Error::new(Code::BadRequest, error.body_text()))?;
    let mut given: Vec<(String, Values)> = Vec::new();
    for (name, value) in pairs {
        match given.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.values.push(value),
            None => {
                let values = vec![value];
                given.push((name.clone(), Values { name, values }));
            }
        }
    }
    T::deserialize(MapDeserializer::new(given.into_iter())).map_err(|error: ValueError| {
        let message = error.to_string();
        match message.strip_prefix("unknown field ") {
            Some(rest) => unknown(rest),
            None => Error::new(Code::BadRequest, message),
        }
    })
}

/// The error for a parameter that a route does not have: `rest` is serde's list of names.
fn unknown(rest: &str) -> Error {
    let mut names = rest.split('`').skip(1).step_by(2).map(str::to_owned);
    let name = names.next().unwrap_or_default();
    let known: Vec<String> = names.collect();
    let message = format!("there is no parameter {name:?} here");
    let list = known.join(", ");
    let hint = match closest(&name, &known) {
        Some(near) => format!("did you mean {near}? The parameters are {list}"),
        None if known.is_empty() => "this path takes no parameters".to_owned(),
        None => format!("the parameters are {list}"),
    };
    Error::new(Code::BadRequest, message).hint(hint)
}

/// The values of one parameter, read as the field's type wants.
struct Values {
    name: String,
    values: Vec<String>,
}

impl Values {
    fn one(mut self) -> Result<(String, String), ValueError> {
        match (self.values.pop(), self.values.is_empty()) {
            (Some(value), true) => Ok((self.name, value)),
            _ => Err(ValueError::custom(format!(
                "{} is given more than once",
                self.name
            ))),
        }
    }

    fn parsed<T: std::str::FromStr>(self, what: &str) -> Result<T, ValueError> {
        let (name, value) = self.one()?;
        value
            .parse()
            .map_err(|_| ValueError::custom(format!("{name} is {what}, not {value:?}")))
    }
}

impl IntoDeserializer<'_> for Values {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The methods that parse a number.
macro_rules! numbers {
    ($($method:ident $visit:ident $what:literal)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            visitor.$visit(self.parsed($what)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Values {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_string(self.one()?.1)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.values.as_slice() {
            [only] if only.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let given = self.values.into_iter().filter(|value| !value.is_empty());
        visitor.visit_seq(SeqDeserializer::new(given))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let (parameter, value) = self.one()?;
        if !variants.contains(&value.as_str()) {
            let list = variants.join(", ");
            let message = format!("{parameter} is one of {list}, not {value:?}");
            return Err(ValueError::custom(message));
        }
        let inner: serde::de::value::StringDeserializer<ValueError> = value.into_deserializer();
        inner.deserialize_enum(name, variants, visitor)
    }

    numbers! {
        deserialize_bool visit_bool "true or false"
        deserialize_i64 visit_i64 "a whole number"
        deserialize_u8 visit_u8 "a whole number"
        deserialize_u16 visit_u16 "a whole number"
        deserialize_u32 visit_u32 "a whole number"
        deserialize_u64 visit_u64 "a whole number"
        deserialize_f64 visit_f64 "a number"
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct map struct identifier ignored_any
    }
}

/// A half-open range of times, [from, to), in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    /// First nanosecond in it.
    pub(crate) from: i64,
    /// First nanosecond behind it; `i64::MAX` is the end of time, included.
    pub(crate) to: i64,
}

impl Range {
    /// The range that `from` and `to` spell: nanoseconds or RFC 3339. Without `to` it ends now,
    /// without `from` it has an hour.
    ///
    /// Errors: a time is not understood, or the range is empty.
    pub(crate) fn parse(from: Option<&str>, to: Option<&str>) -> Result<Range, Error> {
        let to = match to {
            Some(text) => time("to", text)?,
            None => now(),
        };
        let from = match from {
            Some(text) => time("from", text)?,
            None => to.saturating_sub(RANGE_DEFAULT),
        };
        if from >= to {
            let message = format!("the range is empty: from ({from}) is not before to ({to})");
            return Err(Error::new(Code::BadRequest, message)
                .hint("from is in the range, to is the first nanosecond behind it"));
        }
        Ok(Range { from, to })
    }

    /// Nanoseconds in it.
    pub(crate) fn length(self) -> u64 {
        self.to.abs_diff(self.from)
    }

    /// SQL that is true when the time column `column` lies in it.
    pub(crate) fn sql(self, column: &str) -> String {
        let from = format!("{column} >= to_timestamp_nanos({})", self.from);
        match self.to {
            i64::MAX => from,
            to => format!("{from} AND {column} < to_timestamp_nanos({to})"),
        }
    }

    /// The range of the same length just before it.
    pub(crate) fn previous(self) -> Range {
        let length = i64::try_from(self.length()).unwrap_or(i64::MAX);
        Range {
            from: self.from.saturating_sub(length),
            to: self.from,
        }
    }

    /// At most `count` buckets of equal whole steps that cover it: (step in nanoseconds, buckets).
    pub(crate) fn buckets(self, count: u64) -> (i64, u64) {
        let step = self.length().div_ceil(count.max(1)).max(1);
        let buckets = self.length().div_ceil(step);
        (i64::try_from(step).unwrap_or(i64::MAX), buckets)
    }
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos().try_into().unwrap_or(i64::MAX))
}

/// The time that the parameter `name` spells; beyond year 2262 it is the end of time.
pub(crate) fn time(name: &str, text: &str) -> Result<i64, Error> {
    if let Ok(nanos) = text.parse::<i128>() {
        let low = i128::from(i64::MIN);
        return Ok(nanos.clamp(low, i128::from(i64::MAX)) as i64);
    }
    let parsed = chrono::DateTime::parse_from_rfc3339(text).map_err(|error| {
        Error::new(
            Code::BadRequest,
            format!("{name} is not a time: {text:?} ({error})"),
        )
        .hint("give nanoseconds since 1970, or a time such as 2026-11-23T06:00:00Z")
    })?;
    let end = match parsed.timestamp() < 0 {
        true => i64::MIN,
        false => i64::MAX,
    };
    Ok(parsed.timestamp_nanos_opt().unwrap_or(end))
}

/// The limit that was asked for, or `default`. Errors: 0, or more than `max`.
pub(crate) fn limit(name: &str, given: Option<u32>, default: u32, max: u32) -> Result<u32, Error> {
    match given.unwrap_or(default) {
        limit if (1..=max).contains(&limit) => Ok(limit),
        limit => Err(Error::new(
            Code::BadRequest,
            format!("{name} is a number from 1 to {max}, not {limit}"),
        )),
    }
}

/// Text that stands for `place`, for the client to hand back; [`place`] reads it.
pub(crate) fn cursor<T: Serialize>(place: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// The place that `cursor` stands for. Errors: it is not one of ours.
pub(crate) fn place<T: DeserializeOwned>(cursor: &str) -> Result<T, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| {
            Error::new(
                Code::BadRequest,
                "the cursor is not one that this path gave",
            )
            .hint("leave the cursor out to begin at the first page")
        })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    #[derive(Default)]
    struct Asked {
        q: Option<String>,
        limit: Option<u32>,
        sort: Sort,
        filter: Vec<String>,
    }

    #[derive(Debug, Deserialize, Default, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Sort {
        #[default]
        Newest,
        Oldest,
    }

    fn asked(query: &str) -> Result<Asked, Error> {
        parse(&format!("/x?{query}").parse().unwrap())
    }

    /// Scenario: parameters of each type, repeated ones, empty ones, percent-encoded ones.
    /// Guarantees: they are read; an empty one counts as absent.
    #[test]
    fn parameters_are_read() {
        assert_eq!(asked("").unwrap(), Asked::default());
        let read = asked("q=a%3Ab+c&limit=5&sort=oldest&filter=a%3D1&filter=b%3D2").unwrap();
        let want = Asked {
            q: Some("a:b c".to_owned()),
            limit: Some(5),
            sort: Sort::Oldest,
            filter: vec!["a=1".to_owned(), "b=2".to_owned()],
        };
        assert_eq!(read, want);
        assert_eq!(asked("q=&limit=&filter=").unwrap(), Asked::default());
    }

    /// Scenario: an unknown parameter, a wrong number, a wrong word, one given twice.
    /// Guarantees: each is refused, with the parameter's name and a hint where one is known.
    #[test]
    fn wrong_parameters_are_refused() {
        let error = asked("limt=5").unwrap_err();
        assert_eq!(error.message, "there is no parameter \"limt\" here");
        assert!(error.hint.unwrap().starts_with("did you mean limit?"));
        let message = |query: &str| asked(query).unwrap_err().message;
        assert_eq!(message("limit=x"), "limit is a whole number, not \"x\"");
        assert_eq!(message("limit=-1"), "limit is a whole number, not \"-1\"");
        assert_eq!(
            message("sort=up"),
            "sort is one of newest, oldest, not \"up\""
        );
        assert_eq!(message("q=a&q=b"), "q is given more than once");
    }

    /// Scenario: nanoseconds, RFC 3339 with a zone, times beyond 2262, an empty range, words.
    /// Guarantees: [from, to) in nanoseconds; what is no time or no range is refused.
    #[test]
    fn ranges_are_read() {
        let range = |from, to| Range::parse(Some(from), Some(to));
        assert_eq!(range("1", "2").unwrap(), Range { from: 1, to: 2 });
        let zoned = range(
            "1970-01-01T01:00:00+01:00",
            "1970-01-01T00:00:00.000000007Z",
        )
        .unwrap();
        assert_eq!(zoned, Range { from: 0, to: 7 });
        assert_eq!(
            range("0", "18446744073709551615").unwrap().to,
            i64::MAX,
            "the end of time"
        );
        assert_eq!(range("0", "9999-01-01T00:00:00Z").unwrap().to, i64::MAX);
        assert!(range("2", "2").is_err());
        assert!(range("yesterday", "2").is_err());
        let default = Range::parse(None, None).unwrap();
        assert_eq!(default.length(), 3_600_000_000_000);
        assert_eq!(Range { from: 0, to: 10 }.buckets(4), (3, 4));
        assert_eq!(Range { from: 0, to: 3 }.buckets(60), (1, 3));
    }

    /// Scenario: a cursor there and back; a forged one.
    /// Guarantees: the same place; an error of the client.
    #[test]
    fn cursors_round_trip() {
        let text = cursor(&(5, "x"));
        assert_eq!(place::<(i32, String)>(&text).unwrap(), (5, "x".to_owned()));
        assert!(place::<(i32, String)>("%%%").is_err());
        assert!(place::<(String, String)>(&text).is_err());
    }
}
