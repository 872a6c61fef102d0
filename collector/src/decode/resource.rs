//! What every record inherits: resource, scope and schema URLs, encoded once ([`Known`] ones are not
//! read again), held once for each batch, and repeated for the rows of their groups.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{TimestampNanosecondType, UInt32Type};
use arrow::error::ArrowError;

use super::any_value::{Sets, write_string};
use super::attributes::{Placer, Promoted, PromotedColumns, Scalar};
use super::column::{Fixed, Groups, Text};
use super::rows::Arrays;
use super::wire::{Fault, Reader};

/// What a Resource says, ready to be repeated.
#[derive(Debug, Default)]
pub(super) struct Resource {
    promoted: Vec<(usize, Scalar<Box<[u8]>>)>,
    attributes: Vec<u8>,
    entity_refs: Vec<u8>,
    dropped: u32,
    bytes: usize,
    /// Slots whose attribute is in the overflow.
    pub(super) strays: Vec<usize>,
}

impl Resource {
    /// Reads the Resource of a group, or an empty one when the group has none.
    pub(super) fn read<'a>(
        resource: Option<Reader<'a>>,
        promoted: &Promoted,
        placer: &mut Placer,
        sets: &mut Sets<'a>,
    ) -> Result<Self, Fault> {
        let mut out = Resource::default();
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
            columns.push((slot, value.map(Box::from)));
        });
        out.strays.extend(placer.take_strays());
        sets.write_filled(0, &mut out.attributes)?;
        out.bytes += out.attributes.len() + out.entity_refs.len();
        Ok(out)
    }

    /// Bytes that each row inherits of it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
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

/// What an InstrumentationScope says, ready to be repeated.
#[derive(Debug, Default)]
pub(super) struct Scope {
    name: Vec<u8>,
    version: Vec<u8>,
    attributes: Vec<u8>,
    dropped: u32,
}

impl Scope {
    /// Reads the InstrumentationScope of a group, or an empty one when the group has none.
    pub(super) fn read<'a>(scope: Option<Reader<'a>>, sets: &mut Sets<'a>) -> Result<Self, Fault> {
        let mut out = Scope::default();
        sets.attributes.clear();
        let (mut name, mut version) = (&[][..], &[][..]);
        if let Some(mut reader) = scope {
            while reader.next()? {
                match reader.field() {
                    1 => name = reader.bytes()?,
                    2 => version = reader.bytes()?,
                    3 => sets.push(reader.message("KeyValue")?)?,
                    4 => out.dropped = reader.varint()? as u32,
                    _ => reader.skip()?,
                }
            }
        }
        (out.name, out.version) = (name.to_vec(), version.to_vec());
        sets.write_filled(0, &mut out.attributes)?;
        Ok(out)
    }

    /// Bytes that each row inherits of it.
    pub(super) fn bytes(&self) -> usize {
        self.name.len() + self.version.len() + self.attributes.len()
    }
}

/// A resource group and one of its scope groups, as far as their records inherit from them.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) resource: Arc<Resource>,
    pub(super) scope: Arc<Scope>,
    /// Schema URLs of resource and scope.
    pub(super) urls: [&'a [u8]; 2],
}

/// A group that the batch has rows of.
#[derive(Debug)]
struct Seen {
    /// Kept, so that their addresses are not used again meanwhile.
    _alive: (Arc<Resource>, Arc<Scope>),
    urls: [Box<[u8]>; 2],
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
    groups: Vec<Seen>,
    /// The last group of a resource and scope, by their addresses.
    group_of: HashMap<[usize; 2], usize>,
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
            groups: Vec::new(),
            group_of: HashMap::new(),
        }
    }

    /// Sets `count` rows from `row` on, which come behind those set before.
    pub(super) fn set_run(&mut self, row: usize, count: usize, of: &Group<'_>) {
        let (resource, scope) = (&of.resource, &of.scope);
        let (group, is_new) = self.group(of);
        self.group_of_row.resize(row + count, group as u32);
        self.scope_dropped.set_run(row, count, scope.dropped);
        self.resource_dropped.set_run(row, count, resource.dropped);
        for (slot, value) in &resource.promoted {
            let value = value.as_ref().map(|text| &text[..]);
            if self.promoted.is_shared(*slot) {
                if is_new {
                    self.promoted.set(*slot, group, value);
                }
            } else {
                (row..row + count).for_each(|row| self.promoted.set(*slot, row, value));
            }
        }
        if is_new {
            let [resource_url, scope_url] = of.urls;
            for (column, value) in [
                (&mut self.scope_name, &scope.name[..]),
                (&mut self.scope_version, &scope.version),
                (&mut self.scope_attributes, &scope.attributes),
                (&mut self.scope_schema_url, scope_url),
                (&mut self.resource_attributes, &resource.attributes),
                (&mut self.resource_entity_refs, &resource.entity_refs),
                (&mut self.resource_schema_url, resource_url),
            ] {
                column.set_filled(group, value);
            }
        }
    }

    /// The number of a group in this batch, and whether it is a new one.
    fn group(&mut self, of: &Group<'_>) -> (usize, bool) {
        let key = [
            Arc::as_ptr(&of.resource) as usize,
            Arc::as_ptr(&of.scope) as usize,
        ];
        if let Some(group) = self.group_of.get(&key) {
            let seen = &self.groups[*group].urls;
            if seen.each_ref().map(|url| &**url) == of.urls {
                return (*group, false);
            }
        }
        let group = self.groups.len();
        self.groups.push(Seen {
            _alive: (Arc::clone(&of.resource), Arc::clone(&of.scope)),
            urls: of.urls.map(Box::from),
        });
        self.group_of.insert(key, group);
        (group, true)
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
        let groups = Groups::new(&self.group_of_row, self.groups.len());
        self.group_of_row.clear();
        self.groups.clear();
        self.group_of.clear();
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
