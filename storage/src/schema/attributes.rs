//! Promoted attributes: keys that have a typed column of their own instead of a place in the JSON
//! overflow of their level.

use std::str::FromStr;

use arrow::datatypes::DataType;

use super::{Column, Encoding, Table};

/// Which set of attributes a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// Attributes of the resource: column prefix `resource_attributes.`.
    Resource,
    /// Attributes of the instrumentation scope (never promoted).
    Scope,
    /// Attributes of the span, log record or data point: column prefix `attributes.`.
    Record,
}

impl Level {
    /// The overflow column of this level, which is also the name used in SQL before `['key']`.
    pub const fn column(self) -> &'static str {
        match self {
            Level::Resource => "resource_attributes",
            Level::Scope => "scope_attributes",
            Level::Record => "attributes",
        }
    }
}

/// The OTLP value type that a promoted column holds; other types go to the overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// `string_value`, as Utf8.
    String,
    /// `int_value`, as Int64.
    Int,
    /// `double_value`, as Float64.
    Double,
    /// `bool_value`, as Boolean.
    Bool,
}

impl ValueType {
    /// The Arrow type of the column.
    pub const fn data_type(self) -> DataType {
        match self {
            ValueType::String => DataType::Utf8,
            ValueType::Int => DataType::Int64,
            ValueType::Double => DataType::Float64,
            ValueType::Bool => DataType::Boolean,
        }
    }
}

/// An attribute key with a column of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PromotedKey {
    /// The set it belongs to.
    pub level: Level,
    /// The attribute key, as sent.
    pub key: String,
    /// The type its column holds.
    pub value: ValueType,
}

/// Why an attribute cannot be promoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromoteError {
    /// A column of this name (ignoring case) exists.
    #[error(
        "cannot promote {0}: a column of that name exists already (names are compared without case)"
    )]
    Taken(String),
    /// The text is not `attributes.KEY[:TYPE]` or `resource_attributes.KEY[:TYPE]`.
    #[error(
        "cannot promote {0:?}: write attributes.KEY or resource_attributes.KEY, with :int, :double or :bool behind it for a type other than string"
    )]
    Syntax(String),
    /// The table has no attributes of its own.
    #[error("cannot promote attributes of table {0}")]
    Table(&'static str),
}

impl FromStr for PromotedKey {
    type Err = PromoteError;

    /// Parses `attributes.shop.tier`, `attributes.retry.count:int`, `resource_attributes.team`.
    fn from_str(text: &str) -> Result<Self, PromoteError> {
        let syntax = || PromoteError::Syntax(text.to_owned());
        let (level, rest) = [Level::Resource, Level::Record]
            .into_iter()
            .find_map(|level| Some((level, text.strip_prefix(level.column())?.strip_prefix('.')?)))
            .ok_or_else(syntax)?;
        let (key, value) = match rest.rsplit_once(':') {
            Some((key, "string")) => (key, ValueType::String),
            Some((key, "int")) => (key, ValueType::Int),
            Some((key, "double")) => (key, ValueType::Double),
            Some((key, "bool")) => (key, ValueType::Bool),
            Some(_) => return Err(syntax()),
            None => (rest, ValueType::String),
        };
        if key.is_empty() {
            return Err(syntax());
        }
        Ok(PromotedKey {
            level,
            key: key.to_owned(),
            value,
        })
    }
}

/// The column of `key` at `level`.
pub(super) fn column(level: Level, key: &str, value: ValueType) -> Column {
    let source = match level {
        Level::Resource => "resource.attributes",
        Level::Scope => "scope.attributes",
        Level::Record => "attributes",
    };
    let name = format!("{}.{key}", level.column());
    let column = Column {
        promoted: Some(PromotedKey {
            level,
            key: key.to_owned(),
            value,
        }),
        ..Column::new(
            &name,
            value.data_type(),
            source,
            "Promoted attribute; a value of another type stays in the overflow column",
        )
        .nullable()
    };
    match level {
        Level::Record => column,
        Level::Resource | Level::Scope => column.shared(),
    }
}

/// Appends the columns of `extra` that belong to `table`.
pub(super) fn append(
    table: Table,
    columns: &mut Vec<Column>,
    extra: &[(Table, PromotedKey)],
) -> Result<(), PromoteError> {
    for (_, promoted) in extra.iter().filter(|(of, _)| *of == table) {
        if table == Table::Traces {
            return Err(PromoteError::Table(table.as_str()));
        }
        let column = column(promoted.level, &promoted.key, promoted.value);
        let taken = columns.iter().any(|c| {
            c.name.eq_ignore_ascii_case(&column.name) || c.promoted.as_ref() == Some(promoted)
        });
        if taken {
            return Err(PromoteError::Taken(column.name));
        }
        columns.push(column);
    }
    Ok(())
}

/// Resource attributes with a column in every table, beside `service.name` in `service_name`.
const RESOURCE: &[(&str, ValueType)] = &[
    ("service.namespace", ValueType::String),
    ("service.version", ValueType::String),
    ("service.instance.id", ValueType::String),
    ("deployment.environment", ValueType::String),
    ("deployment.environment.name", ValueType::String),
    ("host.name", ValueType::String),
    ("k8s.cluster.name", ValueType::String),
    ("k8s.namespace.name", ValueType::String),
    ("k8s.node.name", ValueType::String),
    ("k8s.deployment.name", ValueType::String),
    ("k8s.pod.name", ValueType::String),
    ("k8s.container.name", ValueType::String),
    ("container.id", ValueType::String),
    ("cloud.provider", ValueType::String),
    ("cloud.region", ValueType::String),
    ("cloud.availability_zone", ValueType::String),
    ("faas.name", ValueType::String),
    ("process.pid", ValueType::Int),
    ("telemetry.sdk.language", ValueType::String),
];

/// `service_name`, then the promoted resource attributes.
pub(super) fn resource_columns() -> Vec<Column> {
    let service = Column {
        name: "service_name".to_owned(),
        file_stats: true,
        doc: "The resource's service.name, when it is a string",
        // Rows are sorted and summarised by it.
        shared: false,
        ..column(Level::Resource, "service.name", ValueType::String)
    };
    std::iter::once(service)
        .chain(
            RESOURCE
                .iter()
                .map(|(key, value)| column(Level::Resource, key, *value)),
        )
        .collect()
}

/// The promoted record attributes of `keys`.
pub(super) fn record_columns(keys: &[(&str, ValueType)]) -> Vec<Column> {
    keys.iter()
        .map(|(key, value)| column(Level::Record, key, *value))
        .collect()
}

/// The columns every record inherits from its resource and scope, attributes aside.
pub(super) fn inherited_columns() -> Vec<Column> {
    [
        Column::text("scope_name", "scope.name", "Instrumentation scope").nullable(),
        Column::text("scope_version", "scope.version", "Version of the scope").nullable(),
        Column::json(
            "scope_attributes",
            "scope.attributes",
            "Scope attributes, all of them",
        ),
        Column::json(
            "resource_attributes",
            "resource.attributes",
            "Resource attributes without a column of their own",
        ),
        Column::json(
            "resource_entity_refs",
            "resource.entity_refs",
            "Entity references: a list of {schema_url, type, id_keys, description_keys}",
        ),
        Column::text(
            "resource_schema_url",
            "schema_url of the resource group",
            "Schema URL of the resource",
        )
        .nullable(),
        Column::text(
            "scope_schema_url",
            "schema_url of the scope group",
            "Schema URL of the scope and its records",
        )
        .nullable(),
        Column::count(
            "resource_dropped_attributes_count",
            "resource.dropped_attributes_count",
            "Attributes that the sender dropped from the resource",
        ),
        Column::count(
            "scope_dropped_attributes_count",
            "scope.dropped_attributes_count",
            "Attributes that the sender dropped from the scope",
        ),
        // One value a request: a dictionary takes a third of what deltas take between requests.
        Column {
            encoding: Encoding::Dictionary,
            ..Column::time("received_at", "derived", "When Oriel received the request")
        },
    ]
    .map(Column::shared)
    .into()
}
