//! Finds the fields of a type as serde knows them.

use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor, value::Error};
use serde::forward_to_deserialize_any;

/// Remembers which fields it was asked for, and gives none.
struct Listener<'a>(&'a mut Option<&'static [&'static str]>);

impl<'de> Deserializer<'de> for Listener<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("only the fields are asked for"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = Some(fields);
        Err(Error::custom("only the fields are asked for"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The fields of a struct; nothing for what is none.
pub(super) fn of<T: DeserializeOwned>() -> Vec<&'static str> {
    let mut fields = None;
    drop(T::deserialize(Listener(&mut fields)).err());
    fields.unwrap_or_default().to_vec()
}

#[test]
fn the_fields_of_a_type_are_found() {
    assert_eq!(
        of::<tod_proto::api::devices::ListQuery>(),
        ["selector", "limit", "cursor"]
    );
    assert!(of::<tod_proto::page::Empty>().is_empty());
}
