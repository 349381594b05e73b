//! The input of an operation, put together from a request: the path, the query, and a body in JSON.
//!
//! All three name fields of one object. What is in the path and in the query is text; a number or a word of a choice is read from it where
//! the operation wants one. A field that comes twice, or that the operation does not know, is an error which names it.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::failure::Failure;
use crate::system::OperationError;

/// A field of the input, as text.
type Field<'a> = (&'a str, Cow<'a, str>);

/// Fields from a path and a query.
#[derive(Default)]
pub(super) struct Fields<'a> {
    fields: Vec<Field<'a>>,
}

impl<'a> Fields<'a> {
    /// Adds a field.
    pub(super) fn push(&mut self, name: &'a str, text: impl Into<Cow<'a, str>>) {
        self.fields.push((name, text.into()));
    }

    /// Adds those of a query.
    ///
    /// # Errors
    /// `invalid_input` when a text is not UTF-8.
    pub(super) fn push_query(&mut self, query: &'a str) -> Result<(), Failure> {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
            let text = decode(text).ok_or_else(|| OperationError::invalid_input(name, "it is not UTF-8 after decoding"))?;
            self.push(name, text);
        }
        Ok(())
    }

    /// The input that these fields and a body in JSON make; a body without bytes has no fields.
    ///
    /// # Errors
    /// `malformed_json`, `invalid_input`.
    pub(super) fn read<T: DeserializeOwned>(self, body: &[u8]) -> Result<T, Failure> {
        let fields = &self.fields;
        if body.is_empty() {
            return T::deserialize(Merged { fields, body: Nothing }).or_else(|_| {
                let read = serde_path_to_error::deserialize(Merged { fields, body: Nothing });
                read.map_err(|error| invalid(&error))
            });
        }
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = if fields.is_empty() { T::deserialize(&mut json) } else { T::deserialize(Merged { fields, body: &mut json }) };
        let input = read.or_else(|_| self.read_minding_the_way(body))?;
        json.end().map_err(|error| Failure::malformed_json(&error))?;
        Ok(input)
    }

    /// The same, slower, with where in the input something is wrong.
    fn read_minding_the_way<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Failure> {
        let fields = &self.fields;
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = if fields.is_empty() {
            serde_path_to_error::deserialize(&mut json)
        } else {
            serde_path_to_error::deserialize(Merged { fields, body: &mut json })
        };
        read.map_err(|error| if error.inner().is_data() { invalid(&error) } else { Failure::malformed_json(error.inner()) })
    }
}

/// A query's text as it was meant.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['+', '%']) {
        return Some(Cow::Borrowed(text));
    }
    let spaced = text.replace('+', " ");
    Some(Cow::Owned(percent_decode_str(&spaced).decode_utf8().ok()?.into_owned()))
}

fn invalid(error: &serde_path_to_error::Error<serde_json::Error>) -> Failure {
    let path = error.path().to_string();
    // Where in the body it was is said by the path already, and what is from the path or the query is at no place there.
    let what = error.inner().to_string();
    let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
    OperationError::invalid_input(&path, what).into()
}

/// An object of some fields and those of a body.
struct Merged<'a, B> {
    fields: &'a [Field<'a>],
    body: B,
}

impl<'de, B: Deserializer<'de, Error = serde_json::Error>> Deserializer<'de> for Merged<'_, B> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.body.deserialize_map(FirstFields { fields: self.fields, visitor })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

/// A body without fields.
struct Nothing;

impl<'de> Deserializer<'de> for Nothing {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_map(de::value::MapDeserializer::new(std::iter::empty::<(&str, &str)>()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

/// Visits fields before those of a body.
struct FirstFields<'a, V> {
    fields: &'a [Field<'a>],
    visitor: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for FirstFields<'_, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(formatter)
    }

    fn visit_map<A: MapAccess<'de>>(self, rest: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Chained { fields: self.fields.iter(), text: None, rest })
    }
}

struct Chained<'a, A> {
    fields: std::slice::Iter<'a, Field<'a>>,
    /// The text of the field whose name was given.
    text: Option<&'a str>,
    rest: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Chained<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some((name, text)) = self.fields.next() else { return self.rest.next_key_seed(seed) };
        self.text = Some(text);
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        match self.text.take() {
            Some(text) => seed.deserialize(Text { text, error: std::marker::PhantomData }),
            None => self.rest.next_value_seed(seed),
        }
    }
}

/// Text that is what is wanted of it, if it can be.
struct Text<'a, E> {
    text: &'a str,
    error: std::marker::PhantomData<E>,
}

impl<E: de::Error> Text<'_, E> {
    fn parse<T: std::str::FromStr>(&self, wanted: &str) -> Result<T, E> {
        self.text.parse().map_err(|_| E::custom(format_args!("{:?} is not {wanted}", self.text)))
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $wanted:literal;)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
                visitor.$visit(self.parse($wanted)?)
            }
        )*
    };
}

impl<'de, E: de::Error> Deserializer<'de> for Text<'_, E> {
    type Error = E;

    parsed! {
        deserialize_bool visit_bool "true or false";
        deserialize_u8 visit_u8 "a whole number from 0 to 255";
        deserialize_u16 visit_u16 "a whole number from 0 to 65535";
        deserialize_u32 visit_u32 "a whole number from 0 to 4294967295";
        deserialize_u64 visit_u64 "a whole number from 0 to 18446744073709551615";
        deserialize_i64 visit_i64 "a whole number";
        deserialize_f64 visit_f64 "a number";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_str(self.text)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, E> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(self, name: &'static str, variants: &'static [&'static str], visitor: V) -> Result<V::Value, E> {
        let word = de::value::StrDeserializer::<E>::new(self.text);
        word.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(rename_all = "lowercase")]
    enum Way {
        Up,
        Down,
    }

    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(deny_unknown_fields)]
    struct Input {
        store: String,
        #[serde(default)]
        version: Option<u64>,
        #[serde(default)]
        way: Option<Way>,
        #[serde(default)]
        list: Vec<u8>,
    }

    fn read(path: &str, query: &str, body: &str) -> Result<Input, String> {
        let mut fields = Fields::default();
        if !path.is_empty() {
            fields.push("store", path);
        }
        fields.push_query(query).map_err(|failure| failure.message().to_owned())?;
        fields.read(body.as_bytes()).map_err(|failure| format!("{}: {}", failure.code(), failure.message()))
    }

    fn input(store: &str) -> Input {
        Input { store: store.to_owned(), version: None, way: None, list: Vec::new() }
    }

    #[test]
    fn the_three_parts_are_one_input() {
        assert_eq!(read("bank", "", ""), Ok(input("bank")));
        assert_eq!(
            read("bank", "version=7&way=down", r#"{"list":[1]}"#),
            Ok(Input { version: Some(7), way: Some(Way::Down), list: vec![1], ..input("bank") })
        );
        assert_eq!(read("", "", r#"{"store":"bank","version":9}"#), Ok(Input { version: Some(9), ..input("bank") }));
        assert_eq!(read("", "store=a+b%2Bc%20%C3%A4", ""), Ok(input("a b+c ä")));
        assert_eq!(read("a%20b", "&&", "{}"), Ok(input("a%20b")), "a path is decoded by who routes");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let error = |path, query, body| read(path, query, body).unwrap_err();
        assert_eq!(error("bank", "version=-1", ""), "invalid_input: version: \"-1\" is not a whole number from 0 to 18446744073709551615");
        assert_eq!(error("bank", "way=left", ""), "invalid_input: way: unknown variant `left`, expected `up` or `down`");
        assert_eq!(
            error("bank", "versoin=1", ""),
            "invalid_input: versoin: unknown field `versoin`, expected one of `store`, `version`, `way`, `list`"
        );
        assert_eq!(error("bank", "", r#"{"store":"gov"}"#), "invalid_input: the input cannot be taken: duplicate field `store`");
        assert_eq!(error("bank", "", r#"{"list":[1,"a"]}"#), "invalid_input: list[1]: invalid type: string \"a\", expected u8");
        assert_eq!(error("", "", "{}"), "invalid_input: the input cannot be taken: missing field `store`");
        assert_eq!(error("bank", "way=%ff", ""), "it is not UTF-8 after decoding".to_owned().replace("it", "way: it"));
        assert!(error("", "", "{").starts_with("malformed_json: the body is not JSON: EOF while parsing an object"));
        assert!(error("bank", "", "{} x").starts_with("malformed_json: the body is not JSON: trailing characters"));
        assert!(error("bank", "", "[]").contains("invalid type: sequence"));
    }
}
