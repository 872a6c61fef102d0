//! Rows in the making: walks the groups that all three requests share (resource, scope, record)
//! and turns the columns into batches.
//!
//! Columns that no row of a batch has are shared: one array of NULL for all columns of a type and all
//! batches of as many rows (`absent`). Most of the hundred columns are such in most batches.
//!
//! A batch is cut when its rows reach about 64 MiB, so that no text column comes near Arrow's
//! limit of 2 GiB; requests whose rows need more than a limit are refused, since a small request may
//! repeat a large resource in very many rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, RecordBatch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use oriel_proto::UnixNanos;
use oriel_storage::Batch;
use oriel_storage::schema::{Level, TableSchema};

use super::DecodeError;
use super::absent::Absent;
use super::any_value::Sets;
use super::attributes::{Placer, Promoted, PromotedColumns};
use super::column::{Fixed, Groups, Lists, Text};
use super::known::Known;
use super::resource::{Group, Inherited, Resource, Scope};
use super::wire::{Fault, Problem, Reader};

/// A batch is cut at this size.
const BATCH_BYTES: usize = 64 << 20;

/// Bytes of a column in a batch besides its values, about.
const COLUMN_BYTES: usize = 16;

/// The message at the head of a scope group.
const SCOPE: &str = "InstrumentationScope";

/// What the decoder keeps of a table's schema.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) schema: Arc<TableSchema>,
    resource: Promoted,
    record: Promoted,
    absent: Absent,
    /// Bytes of a row without its texts.
    row_bytes: usize,
}

impl Layout {
    pub(super) fn new(schema: &Arc<TableSchema>) -> Self {
        let width = |column: &oriel_storage::schema::Column| {
            let text = if column.shared { 16 } else { 4 };
            column.data_type.primitive_width().unwrap_or(text)
        };
        Layout {
            schema: Arc::clone(schema),
            resource: Promoted::new(schema, Level::Resource),
            record: Promoted::new(schema, Level::Record),
            absent: Absent::new(schema),
            row_bytes: schema.columns.iter().map(width).sum(),
        }
    }
}

/// Why rows cannot be made.
#[derive(Debug)]
pub(super) enum Stop {
    /// The request is at fault.
    Fault(Fault),
    /// The columns do not fit the schema: a fault of ours.
    Error(DecodeError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Stop::Fault(fault)
    }
}

impl From<ArrowError> for Stop {
    fn from(error: ArrowError) -> Self {
        Stop::Error(DecodeError::Internal(error.to_string()))
    }
}

/// The columns that only one table has.
pub(super) trait Records<'a> {
    /// Names of the request, its resource group, its scope group and its record, for errors.
    const NAMES: [&'static str; 4];

    /// Enters a scope group.
    fn enter(
        &mut self,
        _resource: Option<Reader<'a>>,
        _scope: Option<Reader<'a>>,
    ) -> Result<(), Fault> {
        Ok(())
    }

    /// Reads one record and adds its rows.
    fn record(&mut self, reader: Reader<'a>, rows: &mut Rows<'a>) -> Result<(), Stop>;

    /// Hands the columns of a batch over.
    fn finish(&mut self, out: &mut Arrays<'_>) -> Result<(), ArrowError>;
}

/// The columns that all tables have, empty but for the room they took: kept from request to request.
#[derive(Debug)]
pub(super) struct Room {
    /// Room for JSON that is read only to be checked.
    discarded: Vec<u8>,
    placers: (Placer, Placer),
    columns: PromotedColumns,
    inherited: Inherited,
    resources: Known<Resource>,
    scopes: Known<Scope>,
}

impl Room {
    pub(super) fn new(layout: &Layout) -> Self {
        Room {
            discarded: Vec::new(),
            placers: (Placer::new(&layout.resource), Placer::new(&layout.record)),
            columns: PromotedColumns::new(&layout.record),
            inherited: Inherited::new(&layout.resource),
            resources: Known::default(),
            scopes: Known::default(),
        }
    }
}

/// The rows of one request, or of several that are read one after the other.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    layout: &'a Layout,
    received_at: UnixNanos,
    /// First row of the current request in this batch.
    received_row: usize,
    /// Attribute sets being read.
    pub(super) sets: Sets<'a>,
    pub(super) room: Room,
    group: Group<'a>,
    /// The scope group being read, as long as its schema URL may still come.
    ahead: Option<Reader<'a>>,
    row: usize,
    /// First row of the current scope group in this batch.
    scope_row: usize,
    batch_bytes: usize,
    /// Of all batches, and how much they may need.
    bytes: usize,
    bytes_max: usize,
    /// Stray resource columns of this batch.
    strays: BTreeSet<String>,
    pub(super) batches: Vec<Batch>,
    pub(super) accepted: u64,
    pub(super) rejected: u64,
    pub(super) repaired: u64,
}

impl<'a> Rows<'a> {
    /// No rows yet; they may need `bytes_max` bytes.
    pub(super) fn new(layout: &'a Layout, room: Room, bytes_max: usize) -> Self {
        Rows {
            layout,
            received_at: UnixNanos(0),
            received_row: 0,
            sets: Sets::default(),
            room,
            group: Group {
                resource: Arc::default(),
                scope: Arc::default(),
                urls: [&[]; 2],
            },
            ahead: None,
            row: 0,
            scope_row: 0,
            batch_bytes: 0,
            bytes: 0,
            bytes_max,
            strays: BTreeSet::new(),
            batches: Vec::new(),
            accepted: 0,
            rejected: 0,
            repaired: 0,
        }
    }

    /// Reads a whole request into `records`; its rows come behind those before.
    pub(super) fn read<R: Records<'a>>(
        &mut self,
        body: &'a [u8],
        received_at: UnixNanos,
        records: &mut R,
    ) -> Result<(), Stop> {
        self.received_at = received_at;
        let [request, resource_group, _, _] = R::NAMES;
        let mut reader = Reader::new(body, request);
        while reader.next()? {
            match reader.field() {
                1 => self.read_resource(reader.message(resource_group)?, records)?,
                _ => reader.skip()?,
            }
        }
        self.end_request();
        Ok(())
    }

    fn read_resource<R: Records<'a>>(
        &mut self,
        group: Reader<'a>,
        records: &mut R,
    ) -> Result<(), Stop> {
        let (resource, schema_url) = read_head(group, "Resource")?;
        let (placer, sets) = (&mut self.room.placers.0, &mut self.sets);
        let read = || {
            let read = Resource::read(resource, &self.layout.resource, placer, sets);
            read.map(|resource| (resource.bytes(), resource))
        };
        let known = &mut self.room.resources;
        self.group.resource = known.get_or_read(bytes(resource), read)?;
        self.group.urls[0] = schema_url;
        let mut reader = group;
        while reader.next()? {
            match reader.field() {
                2 => self.read_scope(resource, reader.message(R::NAMES[2])?, records)?,
                _ => reader.skip()?,
            }
        }
        Ok(())
    }

    /// Reads a scope group in one pass, if its head comes first, as all encoders write it.
    fn read_scope<R: Records<'a>>(
        &mut self,
        resource: Option<Reader<'a>>,
        group: Reader<'a>,
        records: &mut R,
    ) -> Result<(), Stop> {
        let (mut scope, mut reader, mut entered) = (None, group, false);
        self.ahead = Some(group);
        self.group.urls[1] = &[];
        while reader.next()? {
            match reader.field() {
                1 if entered && self.ahead.is_none() => drop(reader.message(SCOPE)?),
                1 => reader.message_once(&mut scope, SCOPE)?,
                2 => {
                    if !entered {
                        if scope.is_none() {
                            scope = self.look_ahead()?;
                        }
                        self.enter_scope(scope)?;
                        records.enter(resource, scope)?;
                        entered = true;
                    }
                    records.record(reader.message(R::NAMES[3])?, self)?;
                }
                // The last one counts, which may have been looked for.
                3 if self.ahead.is_none() => drop(reader.bytes()?),
                3 => self.group.urls[1] = reader.bytes()?,
                _ => reader.skip()?,
            }
            if entered && self.is_full() {
                self.cut(records)?;
            }
        }
        self.ahead = None;
        if !entered {
            self.enter_scope(scope)?;
        }
        self.end_run()
    }

    /// Reads the whole scope group for the head, which comes late or never, and the schema URL.
    fn look_ahead(&mut self) -> Result<Option<Reader<'a>>, Fault> {
        let Some(group) = self.ahead.take() else {
            return Ok(None);
        };
        let (scope, schema_url) = read_head(group, SCOPE)?;
        self.group.urls[1] = schema_url;
        Ok(scope)
    }

    fn enter_scope(&mut self, scope: Option<Reader<'a>>) -> Result<(), Fault> {
        let read = || Scope::read(scope, &mut self.sets).map(|scope| (scope.bytes(), scope));
        self.group.scope = self.room.scopes.get_or_read(bytes(scope), read)?;
        Ok(())
    }

    /// The number of the row being made, in its batch.
    #[inline]
    pub(super) fn row(&self) -> usize {
        self.row
    }

    /// Bytes of all rows so far, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the request was received.
    pub(super) fn received_at(&self) -> UnixNanos {
        self.received_at
    }

    /// Counts a row of `bytes` bytes on the wire. Errors when the rows grow too large.
    #[inline]
    pub(super) fn begin_row(&mut self, bytes: usize, reader: &Reader<'_>) -> Result<(), Fault> {
        let inherited = self.group.resource.bytes() + self.group.scope.bytes();
        self.charge(bytes + self.layout.row_bytes + inherited, reader)
    }

    /// Counts `bytes` of memory for the row being made.
    #[inline]
    pub(super) fn charge(&mut self, bytes: usize, reader: &Reader<'_>) -> Result<(), Fault> {
        self.batch_bytes += bytes;
        self.bytes += bytes;
        if self.bytes > self.bytes_max {
            return Err(reader.fault(Problem::TooLarge));
        }
        Ok(())
    }

    /// Puts the attributes read since `start` into the promoted columns and `overflow`.
    #[inline]
    pub(super) fn set_attributes(
        &mut self,
        start: usize,
        overflow: &mut Text,
    ) -> Result<(), Fault> {
        let (columns, row) = (&mut self.room.columns, self.row);
        let set = &mut self.sets.attributes[start..];
        self.room
            .placers
            .1
            .place(&self.layout.record, set, |slot, value| {
                columns.set(slot, row, value);
            });
        if self.sets.write_filled(start, overflow.open())? {
            overflow.close(row);
        }
        Ok(())
    }

    /// Checks and drops the attributes read since `start`.
    pub(super) fn drop_attributes(&mut self, start: usize) -> Result<(), Fault> {
        self.room.discarded.clear();
        self.sets.write_filled(start, &mut self.room.discarded)?;
        Ok(())
    }

    /// Ends the row being made.
    #[inline]
    pub(super) fn end_row(&mut self) {
        self.row += 1;
        self.accepted += 1;
    }

    /// Whether the batch should be cut.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.batch_bytes >= BATCH_BYTES
    }

    /// Ends the rows of a scope group in this batch; its schema URLs are known now, and each row
    /// inherits them. Errors when the rows grow too large by that.
    fn end_run(&mut self) -> Result<(), Stop> {
        let count = self.row - self.scope_row;
        if count > 0 {
            let urls: usize = self.group.urls.iter().map(|url| url.len()).sum();
            self.batch_bytes += urls * count;
            self.bytes += urls * count;
            if self.bytes > self.bytes_max {
                let problem = Problem::TooLarge.as_str();
                return Err(Stop::Error(DecodeError::TooLarge(problem)));
            }
            let inherited = &mut self.room.inherited;
            inherited.set_run(self.scope_row, count, &self.group);
            let slots = self.group.resource.strays.iter();
            let names = slots.map(|slot| self.layout.resource.column(*slot).to_owned());
            self.strays.extend(names);
        }
        self.scope_row = self.row;
        Ok(())
    }

    fn end_request(&mut self) {
        let count = self.row - self.received_row;
        if count > 0 {
            let inherited = &mut self.room.inherited;
            inherited.set_received(self.received_row, count, self.received_at.0);
        }
        self.received_row = self.row;
    }

    /// Makes a batch of the rows so far.
    pub(super) fn cut<R: Records<'a>>(&mut self, records: &mut R) -> Result<(), Stop> {
        self.look_ahead()?;
        self.end_run()?;
        self.end_request();
        if self.row == 0 {
            return Ok(());
        }
        let mut out = Arrays {
            schema: &self.layout.schema,
            rows: self.row,
            arrays: vec![None; self.layout.schema.columns.len()],
            without_items: Vec::new(),
            repaired: 0,
        };
        records.finish(&mut out)?;
        // No column of records is shared by groups.
        let none = Groups::new(&[], 0);
        out.promoted(&self.layout.record, &mut self.room.columns, &none)?;
        let inherited = &mut self.room.inherited;
        inherited.finish(&self.layout.resource, &mut out)?;
        self.repaired += out.repaired;
        let (rows, bytes) = out.record_batch(&self.layout.absent)?;
        let mut strays = std::mem::take(&mut self.strays);
        let record = &self.layout.record;
        let slots = self.room.placers.1.take_strays();
        strays.extend(slots.map(|slot| record.column(slot).to_owned()));
        let batch = Batch::with_memory(&self.layout.schema, rows, strays, bytes)
            .map_err(|error| Stop::Error(DecodeError::Internal(error.to_string())))?;
        self.batches.push(batch);
        (self.row, self.scope_row, self.received_row) = (0, 0, 0);
        self.batch_bytes = 0;
        Ok(())
    }
}

/// The bytes of a message, none when it is absent, which says the same.
fn bytes<'a>(message: Option<Reader<'a>>) -> &'a [u8] {
    message.map_or(&[], |reader| reader.rest())
}

/// The head of a resource or scope group: its field 1, called `message`, and its schema URL.
fn read_head<'a>(
    group: Reader<'a>,
    message: &'static str,
) -> Result<(Option<Reader<'a>>, &'a [u8]), Fault> {
    let (mut head, mut schema_url, mut reader) = (None, &[][..], group);
    while reader.next()? {
        match reader.field() {
            1 => reader.message_once(&mut head, message)?,
            2 => drop(reader.message(message)?),
            3 => schema_url = reader.bytes()?,
            _ => reader.skip()?,
        }
    }
    Ok((head, schema_url))
}

/// The finished columns of a batch.
#[derive(Debug)]
pub(super) struct Arrays<'s> {
    pub(super) schema: &'s TableSchema,
    pub(super) rows: usize,
    pub(super) arrays: Vec<Option<ArrayRef>>,
    /// Indexes of list columns in which every row has a list without items.
    without_items: Vec<usize>,
    pub(super) repaired: u64,
}

impl Arrays<'_> {
    /// Adds the column called `name`.
    pub(super) fn put(&mut self, name: &str, array: ArrayRef) {
        if let Some(index) = self.schema.index_of(name) {
            self.arrays[index] = Some(array);
        }
    }

    /// Adds `column` as text.
    pub(super) fn text(&mut self, name: &str, column: &mut Text) -> Result<(), ArrowError> {
        if column.rows() == 0 {
            return Ok(());
        }
        let array = column.finish(self.rows, &mut self.repaired)?;
        self.put(name, array);
        Ok(())
    }

    /// Adds `column` as numbers or times.
    pub(super) fn fixed<T: ArrowPrimitiveType>(
        &mut self,
        name: &str,
        column: &mut Fixed<T>,
    ) -> Result<(), ArrowError> {
        if column.rows() > 0 {
            let array = column.finish(self.rows)?;
            self.put(name, array);
        }
        Ok(())
    }

    /// Adds `column` as bytes.
    pub(super) fn binary(&mut self, name: &str, column: &mut Text) -> Result<(), ArrowError> {
        if column.rows() == 0 {
            return Ok(());
        }
        let array = column.finish_binary(self.rows)?;
        self.put(name, array);
        Ok(())
    }

    /// Adds the list column called `name` over the items that `items`, called when there are any, makes
    /// for its type; it counts repaired texts.
    pub(super) fn list(
        &mut self,
        name: &str,
        lists: &mut Lists,
        items: impl FnOnce(&DataType, &mut u64) -> Result<ArrayRef, ArrowError>,
    ) -> Result<(), ArrowError> {
        let Some(index) = self.schema.index_of(name).filter(|_| lists.rows() > 0) else {
            return Ok(());
        };
        if lists.all_empty(self.rows) {
            lists.clear();
            self.without_items.push(index);
            return Ok(());
        }
        let data_type = &self.schema.columns[index].data_type;
        let items = items(data_type, &mut self.repaired)?;
        let array = lists.finish(self.rows, data_type, items)?;
        self.arrays[index] = Some(array);
        Ok(())
    }

    /// The rows, and the memory they hold; columns that nobody added are NULL.
    fn record_batch(self, absent: &Absent) -> Result<(RecordBatch, usize), ArrowError> {
        let absent = absent.of(self.rows)?;
        let mut bytes = absent.bytes;
        let mut columns = Vec::with_capacity(self.arrays.len());
        for (array, null) in self.arrays.into_iter().zip(&absent.nulls) {
            bytes += COLUMN_BYTES;
            columns.push(match array {
                Some(array) => {
                    bytes += array.get_array_memory_size();
                    array
                }
                None => Arc::clone(null),
            });
        }
        for index in self.without_items {
            columns[index] = Arc::clone(&absent.empty_lists[index]);
        }
        let rows = RecordBatch::try_new(Arc::clone(self.schema.arrow()), columns)?;
        Ok((rows, bytes))
    }
}
