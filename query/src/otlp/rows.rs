//! What the three signals share: typed columns by name, attributes of a level, groups of equal
//! resource and scope.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, ListArray, PrimitiveArray, RecordBatch,
    StringArray, StructArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Float64Type, Int64Type, Schema, TimestampNanosecondType,
    UInt32Type, UInt64Type,
};
use arrow::row::{OwnedRow, RowConverter, SortField};
use oriel_proto::otlp::common::v1::any_value::Value;
use oriel_proto::otlp::common::v1::{AnyValue, EntityRef, InstrumentationScope, KeyValue};
use oriel_proto::otlp::resource::v1::Resource;
use oriel_storage::schema::{Level, TableSchema, ValueType};
use serde::Deserialize;

use super::{OtlpError, value};

/// Columns by name: of a batch, or of the structs in a list column.
#[derive(Debug)]
pub(super) struct Columns<'a> {
    arrays: HashMap<&'a str, &'a ArrayRef>,
}

impl<'a> Columns<'a> {
    pub(super) fn of_batch(batch: &'a RecordBatch) -> Self {
        let schema = batch.schema_ref();
        let names = schema.fields().iter().map(|field| field.name().as_str());
        Columns {
            arrays: names.zip(batch.columns()).collect(),
        }
    }

    pub(super) fn of_struct(items: &'a StructArray) -> Self {
        let names = items.fields().iter().map(|field| field.name().as_str());
        Columns {
            arrays: names.zip(items.columns()).collect(),
        }
    }

    fn array(&self, name: &str) -> Result<&'a ArrayRef, OtlpError> {
        self.arrays
            .get(name)
            .copied()
            .ok_or_else(|| OtlpError::Column(name.to_owned()))
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a StringArray, OtlpError> {
        self.array(name)?
            .as_string_opt()
            .ok_or_else(|| OtlpError::Column(name.to_owned()))
    }

    pub(super) fn bytes(&self, name: &str) -> Result<&'a BinaryArray, OtlpError> {
        self.array(name)?
            .as_binary_opt()
            .ok_or_else(|| OtlpError::Column(name.to_owned()))
    }

    pub(super) fn boolean(&self, name: &str) -> Result<&'a BooleanArray, OtlpError> {
        self.array(name)?
            .as_boolean_opt()
            .ok_or_else(|| OtlpError::Column(name.to_owned()))
    }

    pub(super) fn list(&self, name: &str) -> Result<&'a ListArray, OtlpError> {
        self.array(name)?
            .as_list_opt()
            .ok_or_else(|| OtlpError::Column(name.to_owned()))
    }

    pub(super) fn numbers<T: ArrowPrimitiveType>(
        &self,
        name: &str,
    ) -> Result<&'a PrimitiveArray<T>, OtlpError> {
        self.array(name)?
            .as_primitive_opt()
            .ok_or_else(|| OtlpError::Column(name.to_owned()))
    }

    /// Text, "" for NULL.
    pub(super) fn string(&self, name: &str, row: usize) -> Result<String, OtlpError> {
        let texts = self.text(name)?;
        Ok(match texts.is_valid(row) {
            true => texts.value(row).to_owned(),
            false => String::new(),
        })
    }

    /// A number, `None` for NULL.
    pub(super) fn number<T: ArrowPrimitiveType>(
        &self,
        name: &str,
        row: usize,
    ) -> Result<Option<T::Native>, OtlpError> {
        let numbers = self.numbers::<T>(name)?;
        Ok(numbers.is_valid(row).then(|| numbers.value(row)))
    }

    /// A count, 0 for NULL.
    pub(super) fn count(&self, name: &str, row: usize) -> Result<u32, OtlpError> {
        Ok(self.number::<UInt32Type>(name, row)?.unwrap_or_default())
    }

    /// An OTLP time: the raw value if it has one, else the time, else 0.
    pub(super) fn time(&self, name: &str, row: usize) -> Result<u64, OtlpError> {
        if let Some(raw) = self.number::<UInt64Type>(&format!("{name}_raw"), row)? {
            return Ok(raw);
        }
        let time = self.number::<TimestampNanosecondType>(name, row)?;
        Ok(time.unwrap_or_default() as u64)
    }

    /// Bytes of an id without a raw column, empty for NULL.
    pub(super) fn id(&self, name: &str, row: usize) -> Result<Vec<u8>, OtlpError> {
        let ids = self.bytes(name)?;
        Ok(match ids.is_valid(row) {
            true => ids.value(row).to_vec(),
            false => Vec::new(),
        })
    }

    /// Bytes of an id, or its raw bytes, or empty.
    pub(super) fn id_or_raw(&self, name: &str, row: usize) -> Result<Vec<u8>, OtlpError> {
        let id = self.id(name, row)?;
        match id.is_empty() {
            true => self.id(&format!("{name}_raw"), row),
            false => Ok(id),
        }
    }

    /// The attributes in the JSON column `name`; none for NULL.
    pub(super) fn json_attributes(
        &self,
        name: &str,
        row: usize,
    ) -> Result<Vec<KeyValue>, OtlpError> {
        let texts = self.text(name)?;
        if texts.is_null(row) {
            return Ok(Vec::new());
        }
        value::attributes(texts.value(row)).ok_or_else(|| encoding(name, texts.value(row)))
    }

    /// The value in the JSON column `name`, `None` for NULL.
    pub(super) fn json_value(&self, name: &str, row: usize) -> Result<Option<AnyValue>, OtlpError> {
        let texts = self.text(name)?;
        if texts.is_null(row) {
            return Ok(None);
        }
        let text = texts.value(row);
        value::any_value(text)
            .map(Some)
            .ok_or_else(|| encoding(name, text))
    }

    /// The attributes of `level`: promoted columns in the order of the schema, then the overflow.
    pub(super) fn attributes(
        &self,
        schema: &TableSchema,
        level: Level,
        row: usize,
    ) -> Result<Vec<KeyValue>, OtlpError> {
        let mut out = Vec::new();
        for column in &schema.columns {
            let Some(promoted) = column.promoted.as_ref().filter(|p| p.level == level) else {
                continue;
            };
            let array = self.array(&column.name)?;
            if array.is_null(row) {
                continue;
            }
            let name = column.name.as_str();
            let value = match promoted.value {
                ValueType::String => Value::StringValue(self.string(name, row)?),
                ValueType::Int => Value::IntValue(self.numbers::<Int64Type>(name)?.value(row)),
                ValueType::Double => {
                    Value::DoubleValue(self.numbers::<Float64Type>(name)?.value(row))
                }
                ValueType::Bool => Value::BoolValue(self.boolean(name)?.value(row)),
            };
            out.push(KeyValue {
                key: promoted.key.clone(),
                value: Some(AnyValue { value: Some(value) }),
                key_strindex: 0,
            });
        }
        out.extend(self.json_attributes(level.column(), row)?);
        Ok(out)
    }
}

fn encoding(column: &str, text: &str) -> OtlpError {
    OtlpError::Encoding {
        column: column.to_owned(),
        text: text.chars().take(200).collect(),
    }
}

/// The number of an enum whose words are `words`: its index, else the number that the text is.
pub(super) fn enum_number(words: &[&str], text: &str) -> i32 {
    match words.iter().position(|word| *word == text) {
        Some(index) => index as i32,
        None => text.parse().unwrap_or_default(),
    }
}

/// Views as plain columns; batches of queries and of storage then look the same.
pub(super) fn plain(batch: &RecordBatch) -> Result<RecordBatch, OtlpError> {
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let data_type = match field.data_type() {
            DataType::Utf8View => DataType::Utf8,
            DataType::BinaryView => DataType::Binary,
            other => other.clone(),
        };
        columns.push(cast(column, &data_type)?);
        fields.push(Field::new(field.name(), data_type, true));
    }
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns,
    )?)
}

/// Columns that are equal for all rows of a resource group, promoted ones aside.
const RESOURCE: &[&str] = &[
    "resource_attributes",
    "resource_entity_refs",
    "resource_schema_url",
    "resource_dropped_attributes_count",
];
/// Columns that are equal for all rows of a scope group.
const SCOPE: &[&str] = &[
    "scope_name",
    "scope_version",
    "scope_attributes",
    "scope_schema_url",
    "scope_dropped_attributes_count",
];

/// Rows as comparable keys over some columns.
#[derive(Debug)]
pub(super) struct Keys {
    converter: Option<RowConverter>,
    columns: Vec<String>,
}

impl Keys {
    pub(super) fn new(columns: Vec<String>) -> Self {
        Keys {
            converter: None,
            columns,
        }
    }

    /// Keys over the columns of the resource.
    pub(super) fn resource(schema: &TableSchema) -> Self {
        let promoted = schema.columns.iter().filter(|column| {
            let promoted = column.promoted.as_ref();
            promoted.is_some_and(|promoted| promoted.level == Level::Resource)
        });
        let columns = promoted.map(|column| column.name.clone());
        Keys::new(
            columns
                .chain(RESOURCE.iter().map(ToString::to_string))
                .collect(),
        )
    }

    /// Keys over the columns of the scope.
    pub(super) fn scope() -> Self {
        Keys::new(SCOPE.iter().map(ToString::to_string).collect())
    }

    /// The key of each row.
    pub(super) fn of(&mut self, columns: &Columns<'_>) -> Result<Vec<OwnedRow>, OtlpError> {
        let arrays = self
            .columns
            .iter()
            .map(|name| columns.array(name).cloned())
            .collect::<Result<Vec<_>, _>>()?;
        let converter = match &mut self.converter {
            Some(converter) => converter,
            None => {
                let fields = arrays
                    .iter()
                    .map(|array| SortField::new(array.data_type().clone()))
                    .collect();
                self.converter.insert(RowConverter::new(fields)?)
            }
        };
        let rows = converter.convert_columns(&arrays)?;
        Ok(rows.iter().map(|row| row.owned()).collect())
    }
}

/// Groups in order of first appearance.
#[derive(Debug)]
pub(super) struct Groups<T> {
    index: HashMap<OwnedRow, usize>,
    pub(super) groups: Vec<T>,
}

impl<T> Default for Groups<T> {
    fn default() -> Self {
        Groups {
            index: HashMap::new(),
            groups: Vec::new(),
        }
    }
}

impl<T> Groups<T> {
    /// The group of `key`, made by `make` when it is new.
    pub(super) fn of(
        &mut self,
        key: &OwnedRow,
        make: impl FnOnce() -> Result<T, OtlpError>,
    ) -> Result<&mut T, OtlpError> {
        let index = match self.index.get(key) {
            Some(index) => *index,
            None => {
                self.groups.push(make()?);
                self.index.insert(key.clone(), self.groups.len() - 1);
                self.groups.len() - 1
            }
        };
        Ok(&mut self.groups[index])
    }
}

#[derive(Debug, Deserialize)]
struct StoredEntityRef {
    schema_url: String,
    r#type: String,
    id_keys: Vec<String>,
    description_keys: Vec<String>,
}

/// The resource of `row`.
pub(super) fn resource(
    columns: &Columns<'_>,
    schema: &TableSchema,
    row: usize,
) -> Result<Resource, OtlpError> {
    let refs = columns.string("resource_entity_refs", row)?;
    let refs: Vec<StoredEntityRef> = match refs.is_empty() {
        true => Vec::new(),
        false => {
            serde_json::from_str(&refs).map_err(|_| encoding("resource_entity_refs", &refs))?
        }
    };
    Ok(Resource {
        attributes: columns.attributes(schema, Level::Resource, row)?,
        dropped_attributes_count: columns.count("resource_dropped_attributes_count", row)?,
        entity_refs: refs
            .into_iter()
            .map(|stored| EntityRef {
                schema_url: stored.schema_url,
                r#type: stored.r#type,
                id_keys: stored.id_keys,
                description_keys: stored.description_keys,
            })
            .collect(),
    })
}

/// The scope of `row`.
pub(super) fn scope(columns: &Columns<'_>, row: usize) -> Result<InstrumentationScope, OtlpError> {
    Ok(InstrumentationScope {
        name: columns.string("scope_name", row)?,
        version: columns.string("scope_version", row)?,
        attributes: columns.json_attributes("scope_attributes", row)?,
        dropped_attributes_count: columns.count("scope_dropped_attributes_count", row)?,
    })
}

/// Two levels of groups: resources, and the scopes of each.
#[derive(Debug)]
pub(super) struct Tree<R, S> {
    resources: Groups<(R, Groups<S>)>,
}

impl<R, S> Default for Tree<R, S> {
    fn default() -> Self {
        Tree {
            resources: Groups::default(),
        }
    }
}

impl<R, S> Tree<R, S> {
    /// The scope group of these keys; each level is made when it is new.
    pub(super) fn of(
        &mut self,
        resource_key: &OwnedRow,
        scope_key: &OwnedRow,
        resource: impl FnOnce() -> Result<R, OtlpError>,
        scope: impl FnOnce() -> Result<S, OtlpError>,
    ) -> Result<&mut S, OtlpError> {
        let make = || Ok((resource()?, Groups::default()));
        let (_, scopes) = self.resources.of(resource_key, make)?;
        scopes.of(scope_key, scope)
    }

    /// All groups, in order.
    pub(super) fn finish(self) -> impl Iterator<Item = (R, Vec<S>)> {
        self.resources
            .groups
            .into_iter()
            .map(|(resource, scopes)| (resource, scopes.groups))
    }
}
