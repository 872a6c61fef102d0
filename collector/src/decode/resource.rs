//! What every record inherits: resource, scope and schema URLs, read and encoded once per group
//! and repeated for the rows of the group.

use arrow::array::ArrayRef;
use arrow::datatypes::{TimestampNanosecondType, UInt32Type};
use arrow::error::ArrowError;

use super::any_value::{Sets, write_string};
use super::attributes::{Placer, Promoted, PromotedColumns, Scalar};
use super::column::{Fixed, Groups, Text};
use super::rows::Arrays;
use super::wire::{Fault, Reader};

/// A resource group, ready to be repeated.
#[derive(Debug, Default)]
pub(super) struct Resource<'a> {
    promoted: Vec<(usize, Scalar<'a>)>,
    attributes: Vec<u8>,
    entity_refs: Vec<u8>,
    dropped: u32,
    schema_url: &'a [u8],
    bytes: usize,
    /// Slots whose attribute is in the overflow.
    pub(super) strays: Vec<usize>,
}

impl<'a> Resource<'a> {
    /// Reads the Resource of a group, or an empty one when the group has none.
    pub(super) fn read(
        resource: Option<Reader<'a>>,
        schema_url: &'a [u8],
        promoted: &Promoted,
        placer: &mut Placer,
        sets: &mut Sets<'a>,
    ) -> Result<Self, Fault> {
        let mut out = Resource {
            schema_url,
            ..Resource::default()
        };
        sets.attributes.clear();
        if let Some(mut reader) = resource {
            out.bytes = reader.len();
            while reader.next()? {
                match reader.field() {
                    1 => sets.push(reader.message("KeyValue")?)?,
                    2 => out.dropped = reader.varint()? as u32,
                    3 => write_entity_ref(reader.message("EntityRef")?, &mut out.entity_refs)?,
                    _ => reader.skip()?,
                }
            }
        }
        if !out.entity_refs.is_empty() {
            out.entity_refs.push(b']');
        }
        let columns = &mut out.promoted;
        placer.place(promoted, &mut sets.attributes, |slot, value| {
            columns.push((slot, value));
        });
        out.strays.extend(placer.take_strays());
        sets.write_filled(0, &mut out.attributes)?;
        out.bytes += out.attributes.len() + out.entity_refs.len() + schema_url.len();
        Ok(out)
    }
}

/// Appends an EntityRef to the JSON list `out`, which is closed by the caller.
fn write_entity_ref(mut reader: Reader<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let (mut schema_url, mut kind) = (&[][..], &[][..]);
    let (mut id_keys, mut description_keys) = (Vec::new(), Vec::new());
    while reader.next()? {
        match reader.field() {
            1 => schema_url = reader.bytes()?,
            2 => kind = reader.bytes()?,
            3 => write_item(reader.bytes()?, &mut id_keys),
            4 => write_item(reader.bytes()?, &mut description_keys),
            _ => reader.skip()?,
        }
    }
    out.push(if out.is_empty() { b'[' } else { b',' });
    out.extend_from_slice(b"{\"schema_url\":");
    write_string(schema_url, out);
    out.extend_from_slice(b",\"type\":");
    write_string(kind, out);
    out.extend_from_slice(b",\"id_keys\":[");
    out.extend_from_slice(&id_keys);
    out.extend_from_slice(b"],\"description_keys\":[");
    out.extend_from_slice(&description_keys);
    out.extend_from_slice(b"]}");
    Ok(())
}

fn write_item(text: &[u8], out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b',');
    }
    write_string(text, out);
}

/// A scope group, ready to be repeated.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    name: &'a [u8],
    version: &'a [u8],
    attributes: Vec<u8>,
    dropped: u32,
    schema_url: &'a [u8],
    bytes: usize,
}

impl<'a> Scope<'a> {
    /// Reads the InstrumentationScope of a group, or an empty one when the group has none.
    pub(super) fn read(
        scope: Option<Reader<'a>>,
        schema_url: &'a [u8],
        sets: &mut Sets<'a>,
    ) -> Result<Self, Fault> {
        let mut out = Scope {
            schema_url,
            ..Scope::default()
        };
        sets.attributes.clear();
        if let Some(mut reader) = scope {
            while reader.next()? {
                match reader.field() {
                    1 => out.name = reader.bytes()?,
                    2 => out.version = reader.bytes()?,
                    3 => sets.push(reader.message("KeyValue")?)?,
                    4 => out.dropped = reader.varint()? as u32,
                    _ => reader.skip()?,
                }
            }
        }
        sets.write_filled(0, &mut out.attributes)?;
        out.bytes =
            out.name.len() + out.version.len() + out.attributes.len() + out.schema_url.len();
        Ok(out)
    }
}

/// Bytes that each row of a group inherits.
pub(super) fn inherited_bytes(resource: &Resource<'_>, scope: &Scope<'_>) -> usize {
    resource.bytes + scope.bytes
}

/// The columns of what is inherited; texts have a row for each group, as long as they grow.
#[derive(Debug)]
pub(super) struct Inherited {
    scope_name: Text,
    scope_version: Text,
    scope_attributes: Text,
    scope_schema_url: Text,
    scope_dropped: Fixed<UInt32Type>,
    resource_attributes: Text,
    resource_entity_refs: Text,
    resource_schema_url: Text,
    resource_dropped: Fixed<UInt32Type>,
    received_at: Fixed<TimestampNanosecondType>,
    promoted: PromotedColumns,
    group_of_row: Vec<u32>,
    groups_count: usize,
}

impl Inherited {
    pub(super) fn new(promoted: &Promoted) -> Self {
        Inherited {
            scope_name: Text::default(),
            scope_version: Text::default(),
            scope_attributes: Text::default(),
            scope_schema_url: Text::default(),
            scope_dropped: Fixed::default(),
            resource_attributes: Text::default(),
            resource_entity_refs: Text::default(),
            resource_schema_url: Text::default(),
            resource_dropped: Fixed::default(),
            received_at: Fixed::default(),
            promoted: PromotedColumns::new(promoted),
            group_of_row: Vec::new(),
            groups_count: 0,
        }
    }

    /// Sets `count` rows from `row` on, which come behind those set before.
    pub(super) fn set_run(
        &mut self,
        row: usize,
        count: usize,
        resource: &Resource<'_>,
        scope: &Scope<'_>,
    ) {
        let group = self.groups_count;
        self.groups_count += 1;
        self.group_of_row.resize(row + count, group as u32);
        self.scope_name.set_filled(group, scope.name);
        self.scope_version.set_filled(group, scope.version);
        self.scope_attributes.set_filled(group, &scope.attributes);
        self.scope_schema_url.set_filled(group, scope.schema_url);
        self.scope_dropped.set_run(row, count, scope.dropped);
        self.resource_attributes
            .set_filled(group, &resource.attributes);
        self.resource_entity_refs
            .set_filled(group, &resource.entity_refs);
        self.resource_schema_url
            .set_filled(group, resource.schema_url);
        self.resource_dropped.set_run(row, count, resource.dropped);
        for (slot, value) in &resource.promoted {
            let rows = row..row + count;
            self.promoted.set_run(*slot, rows, group, *value);
        }
    }

    /// Sets when `count` rows from `row` on were received.
    pub(super) fn set_received(&mut self, row: usize, count: usize, received_at: i64) {
        self.received_at.set_run(row, count, received_at);
    }

    /// Hands the columns over.
    pub(super) fn finish(
        &mut self,
        promoted: &Promoted,
        out: &mut Arrays<'_>,
    ) -> Result<(), ArrowError> {
        let groups = Groups::new(&self.group_of_row, self.groups_count);
        self.group_of_row.clear();
        self.groups_count = 0;
        out.fixed("received_at", &mut self.received_at)?;
        for (name, column) in [
            ("scope_name", &mut self.scope_name),
            ("scope_version", &mut self.scope_version),
            ("scope_attributes", &mut self.scope_attributes),
            ("scope_schema_url", &mut self.scope_schema_url),
            ("resource_attributes", &mut self.resource_attributes),
            ("resource_entity_refs", &mut self.resource_entity_refs),
            ("resource_schema_url", &mut self.resource_schema_url),
        ] {
            out.shared(name, column, &groups)?;
        }
        out.fixed("scope_dropped_attributes_count", &mut self.scope_dropped)?;
        out.fixed(
            "resource_dropped_attributes_count",
            &mut self.resource_dropped,
        )?;
        out.promoted(promoted, &mut self.promoted, &groups)
    }
}

impl Arrays<'_> {
    /// Adds `column`, which has a row for each of `groups`, as text.
    fn shared(&mut self, name: &str, column: &mut Text, groups: &Groups) -> Result<(), ArrowError> {
        if column.rows() > 0 {
            let array = column.finish_shared(groups, &mut self.repaired)?;
            self.put(name, array);
        }
        Ok(())
    }

    /// Adds the promoted columns of a level.
    pub(super) fn promoted(
        &mut self,
        promoted: &Promoted,
        columns: &mut PromotedColumns,
        groups: &Groups,
    ) -> Result<(), ArrowError> {
        let arrays = &mut self.arrays;
        let put = |index: usize, array: ArrayRef| arrays[index] = Some(array);
        columns.finish(promoted, self.rows, groups, &mut self.repaired, put)
    }
}
