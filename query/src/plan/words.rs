//! Words in texts: `matches(text, search)`, and what a filter says about the words of `body` and of
//! attributes, and about trace ids, which the word indexes of parts are asked for.
//!
//! Pure. In: filters of a scan of `logs`. Out: a [`Search`] that finds exactly the rows for which those
//! hold that words decide, which a scan answers for itself; and one that finds every row for which all
//! the others hold, and perhaps more: DataFusion looks at each row again.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, BooleanBuilder};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{
    BinaryExpr, Cast, ColumnarValue, Expr, Like, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, TryCast, Volatility,
};
use oriel_storage::schema::Level;
use oriel_storage::{Search, TextQuery};

use super::attribute::{Attribute, Kind};
use super::{regex_words, regexes};

/// The column of `logs` that has word indexes.
const COLUMN: &str = "body";
/// The column whose ids are in them.
const TRACE_ID: &str = "trace_id";
/// Of longer lists of ids indexes are not asked.
const IDS_MAX: usize = 64;
/// Name of the function.
const MATCHES: &str = "matches";

/// `matches`.
pub(crate) fn matches() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Matches {
        signature: Signature::exact(
            vec![DataType::Utf8View, DataType::Utf8View],
            Volatility::Immutable,
        ),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Matches {
    signature: Signature,
}

impl ScalarUDFImpl for Matches {
    fn name(&self) -> &str {
        MATCHES
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let search = args.scalar_arguments.get(1).copied().flatten();
        if let Some(search) = search.and_then(text_of)
            && let Err(error) = TextQuery::parse(search)
        {
            return plan_err!("{error}");
        }
        Ok(Arc::new(Field::new(MATCHES, DataType::Boolean, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let [texts, search] = args.args.as_slice() else {
            return exec_err!("matches takes a text and a search");
        };
        let texts = texts.to_array(rows)?;
        let texts = texts.as_string_view();
        let mut buffer = Vec::new();
        let mut found = BooleanBuilder::with_capacity(rows);
        match search {
            ColumnarValue::Scalar(search) => {
                let Some(search) = text_of(search) else {
                    return Ok(ColumnarValue::Array(Arc::new(BooleanArray::new_null(rows))));
                };
                let search = parse(search)?;
                for text in texts {
                    found.append_option(text.map(|text| search.matches_with(text, &mut buffer)));
                }
            }
            ColumnarValue::Array(searches) => {
                for (text, search) in texts.iter().zip(searches.as_string_view()) {
                    let one = text.zip(search).map(|(text, search)| {
                        Ok::<_, DataFusionError>(parse(search)?.matches_with(text, &mut buffer))
                    });
                    found.append_option(one.transpose()?);
                }
            }
        }
        Ok(ColumnarValue::Array(Arc::new(found.finish())))
    }
}

fn parse(search: &str) -> Result<TextQuery> {
    TextQuery::parse(search).or_else(|error| exec_err!("{error}"))
}

/// What finds every row for which all of `filters` hold; `None` when they say nothing about words.
/// `indexed` tells of which attributes indexes may hold the words.
pub(crate) fn search(filters: &[Expr], indexed: &dyn Fn(&str) -> bool) -> Option<Search> {
    all(filters.iter().filter_map(|one| of(one, indexed)).collect())
}

/// What finds exactly the rows for which `filter` is true; `None` when no index can tell.
pub(crate) fn exact(filter: &Expr) -> Option<Search> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let sides = || Some(vec![exact(left)?, exact(right)?]);
            match op {
                Operator::And => sides().map(Search::All),
                Operator::Or => sides().map(Search::Any),
                _ => None,
            }
        }
        Expr::IsTrue(inner) => exact(inner),
        // NOT itself is not true either of a row without a body.
        Expr::IsNotTrue(inner) => exact(inner).map(|inner| Search::Not(Box::new(inner))),
        Expr::ScalarFunction(ScalarFunction { func, .. }) if func.name() == MATCHES => {
            of(filter, &|_| false).filter(Search::is_exact)
        }
        _ => None,
    }
}

fn all(mut found: Vec<Search>) -> Option<Search> {
    match found.len() {
        0 => None,
        1 => found.pop(),
        _ => Some(Search::All(found)),
    }
}

fn of(filter: &Expr, indexed: &dyn Fn(&str) -> bool) -> Option<Search> {
    let place = |expr: &Expr| place(expr, indexed);
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::And => {
                let sides = [left, right].into_iter();
                all(sides.filter_map(|side| of(side, indexed)).collect())
            }
            Operator::Or => Some(Search::Any(vec![of(left, indexed)?, of(right, indexed)?])),
            Operator::Eq if is_trace_id(left) => id(right).map(Search::TraceId),
            Operator::Eq if is_trace_id(right) => id(left).map(Search::TraceId),
            Operator::Eq => {
                let (place, text) = match place(left) {
                    Some(place) => (place, literal(right)?),
                    None => (place(right)?, literal(left)?),
                };
                place.find(Search::holding(text, true, true, false))
            }
            Operator::RegexMatch => place(left)?.find(regex_words::search(literal(right)?, false)),
            Operator::RegexIMatch => place(left)?.find(regex_words::search(literal(right)?, true)),
            _ => None,
        },
        Expr::IsTrue(inner) => of(inner, indexed),
        Expr::InList(InList {
            expr,
            list,
            negated: false,
        }) if is_trace_id(expr) && list.len() <= IDS_MAX => {
            let ids = list.iter().map(|one| id(one).map(Search::TraceId));
            ids.collect::<Option<_>>().map(Search::Any)
        }
        Expr::Like(like) if !like.negated => place(&like.expr)?.find(of_like(like)),
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let (text, wanted, caseless) = match args.as_slice() {
                [text, wanted] => (text, wanted, false),
                // Flags are those of a regular expression.
                [text, wanted, flags] if func.name() == regexes::LIKE => {
                    let flags = literal(flags)?;
                    if !["", regexes::CASELESS].contains(&flags) {
                        return None;
                    }
                    (text, wanted, !flags.is_empty())
                }
                _ => return None,
            };
            let found =
                |search: fn(&str) -> Option<Search>| place(text)?.find(search(literal(wanted)?));
            match func.name() {
                MATCHES => found(|search| TextQuery::parse(search).ok().map(Search::Text)),
                "contains" => found(|piece| Search::holding(piece, false, false, false)),
                "starts_with" => found(|piece| Search::holding(piece, true, false, false)),
                regexes::LIKE => place(text)?.find(regex_words::search(literal(wanted)?, caseless)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The pieces of text between the wildcards of a pattern.
fn of_like(like: &Like) -> Option<Search> {
    if like.escape_char.is_some_and(|escape| escape != '\\') {
        return None;
    }
    let pattern = literal(&like.pattern)?;
    let mut pieces = vec![String::new()];
    let push = |pieces: &mut Vec<String>, character| {
        if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
    };
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' | '_' => pieces.push(String::new()),
            '\\' => match characters.next() {
                Some(escaped @ ('%' | '_' | '\\')) => push(&mut pieces, escaped),
                // What this means is not said anywhere.
                _ => pieces.push(String::new()),
            },
            other => push(&mut pieces, other),
        }
    }
    let last = pieces.len() - 1;
    let found = pieces.iter().enumerate().filter_map(|(at, piece)| {
        Search::holding(piece, at == 0, at == last, like.case_insensitive)
    });
    all(found.collect())
}

/// Text that has words in indexes.
enum Place {
    Body,
    /// The attribute of this name.
    Attribute(String),
}

impl Place {
    /// What finds `search` here.
    fn find(self, search: Option<Search>) -> Option<Search> {
        match self {
            Place::Body => search,
            Place::Attribute(name) => Some(Search::Attribute(name, Box::new(search?))),
        }
    }
}

/// Which text `expr` is.
fn place(expr: &Expr, indexed: &dyn Fn(&str) -> bool) -> Option<Place> {
    const LEVELS: [Level; 3] = [Level::Record, Level::Resource, Level::Scope];
    let attribute =
        |level: &str, key: &str| indexed(key).then(|| Place::Attribute(format!("{level}.{key}")));
    match expr {
        Expr::Column(column) if column.name == COLUMN => Some(Place::Body),
        Expr::Column(column) => {
            let of = |level: Level| {
                let key = column
                    .name
                    .strip_prefix(level.column())?
                    .strip_prefix('.')?;
                attribute(level.column(), key)
            };
            LEVELS.into_iter().find_map(of)
        }
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => {
            let text = [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View];
            let is_text = text.contains(field.data_type());
            is_text.then(|| place(expr, indexed)).flatten()
        }
        _ => match Attribute::of(expr)? {
            (found, [Expr::Column(overflow), ..]) if found.kind == Kind::Text => {
                let mut levels = LEVELS.into_iter();
                let level = levels.find(|level| level.column() == overflow.name)?;
                attribute(level.column(), &found.key)
            }
            _ => None,
        },
    }
}

fn is_trace_id(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(column) if column.name == TRACE_ID)
}

/// The bytes of a literal.
fn id(expr: &Expr) -> Option<Vec<u8>> {
    match expr {
        Expr::Literal(
            ScalarValue::Binary(bytes)
            | ScalarValue::LargeBinary(bytes)
            | ScalarValue::BinaryView(bytes)
            | ScalarValue::FixedSizeBinary(_, bytes),
            _,
        ) => bytes.clone(),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => text_of(value),
        Expr::Cast(Cast { expr, field }) if *field.data_type() == DataType::Utf8View => {
            literal(expr)
        }
        _ => None,
    }
}

fn text_of(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}
