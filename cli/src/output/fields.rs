//! `--json name,site`: which fields there are, and picking some.

use serde::de::value::Error as DeError;
use serde::de::{DeserializeOwned, Error as _, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};
use serde_json::{Map, Value};

use crate::error::CliError;

/// The fields of a type, without having one.
pub fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // It fails always: it is only asked for the names.
    drop(T::deserialize(Names(&mut fields)));
    fields
}

struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = DeError;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, DeError> {
        *self.0 = fields;
        Err(DeError::custom("only the names were asked for"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DeError> {
        Err(DeError::custom("not a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Refuses fields that a type does not have; without any, tells which there are.
pub(super) fn check<T: DeserializeOwned>(wanted: &[String]) -> Result<(), CliError> {
    verify(fields_of::<T>(), wanted)
}

/// The same for a value that is there.
pub(super) fn known(value: &Value, wanted: &[String]) -> Result<(), CliError> {
    let keys: Vec<&str> = value
        .as_object()
        .map(|map| map.keys().map(String::as_str).collect())
        .unwrap_or_default();
    verify(&keys, wanted)
}

fn verify(known: &[&str], wanted: &[String]) -> Result<(), CliError> {
    let list = known.join(" ");
    if wanted.is_empty() {
        return Err(CliError::Usage {
            message: "--json needs fields".to_owned(),
            hint: Some(format!("choose from: {list}")),
        });
    }
    let missing = wanted.iter().find(|field| {
        let head = field.split('.').next().unwrap_or_default();
        !known.contains(&head)
    });
    match missing {
        None => Ok(()),
        Some(field) => Err(CliError::Usage {
            message: format!("there is no field `{field}`"),
            hint: Some(format!("choose from: {list}")),
        }),
    }
}

/// An object of some fields; `a.b` reaches into objects.
pub(super) fn pick(item: &Value, wanted: &[String]) -> Value {
    let pick = |field: &String| {
        let value = field.split('.').try_fold(item, |value, key| value.get(key));
        (field.clone(), value.cloned().unwrap_or_default())
    };
    Value::Object(wanted.iter().map(pick).collect::<Map<_, _>>())
}
