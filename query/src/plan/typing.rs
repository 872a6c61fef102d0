//! Types of attributes and ids by the place where they are used.
//!
//! 1. While SQL becomes expressions ([`ExprPlanner`]): `attributes['key']` becomes a call of
//!    [`Attribute`]; beside a number, in arithmetic and in numeric aggregates it is read as a
//!    double, beside a boolean as a boolean; text beside an id becomes bytes.
//! 2. On the finished plan, before types are coerced ([`Typing`]): the same in BETWEEN, IN, IS
//!    TRUE, LIKE and casts, which step 1 does not see.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{Between, Cast, InList, Like, TryCast};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::planner::{
    ExprPlanner, PlannerResult, RawAggregateExpr, RawBinaryExpr, RawFieldAccessExpr, RawWindowExpr,
};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;
use datafusion::sql::sqlparser::ast::BinaryOperator;
use oriel_storage::schema::{JSON_MARK, Level, Schemas, Table};

use super::attribute::{Attribute, Kind, Promoted};
use super::ids;

/// Key of the Arrow field metadata that says of which table and level an overflow column is.
pub(crate) const LEVEL_MARK: &str = "oriel.level";

/// The value of [`LEVEL_MARK`] for the overflow column of `level` in `table`.
pub(crate) fn level_mark(table: Table, level: Level) -> String {
    format!("{table}.{}", level.column())
}

/// Aggregates whose arguments are numbers.
const NUMERIC_AGGREGATES: &[&str] = &[
    "sum",
    "avg",
    "mean",
    "median",
    "stddev",
    "stddev_samp",
    "stddev_pop",
    "var",
    "var_samp",
    "var_sample",
    "var_pop",
    "var_population",
    "corr",
    "covar",
    "covar_samp",
    "covar_pop",
    "approx_percentile_cont",
    "approx_percentile_cont_with_weight",
    "approx_median",
    "percentile_cont",
    "quantile_cont",
    "regr_slope",
    "regr_intercept",
    "regr_count",
    "regr_r2",
    "regr_avgx",
    "regr_avgy",
    "regr_sxx",
    "regr_syy",
    "regr_sxy",
];

/// Aggregates that keep what they see.
const COLLECTING_AGGREGATES: &[&str] = &["array_agg", "string_agg"];

/// Step 1: see the module.
#[derive(Debug)]
pub(crate) struct AttributePlanner {
    schemas: Schemas,
}

impl AttributePlanner {
    pub(crate) fn new(schemas: Schemas) -> Self {
        AttributePlanner { schemas }
    }

    /// The call that reads `key` from the overflow column `column`, marked as `mark`.
    fn marked(&self, column: &Column, mark: &str, key: &str, schema: &DFSchema) -> Result<Expr> {
        let overflow = Expr::Column(column.clone());
        let promoted = Table::ALL.into_iter().find_map(|table| {
            let level = [Level::Resource, Level::Scope, Level::Record]
                .into_iter()
                .find(|level| level_mark(table, *level) == mark)?;
            let table_schema = self.schemas.of(table);
            let column = &table_schema.columns[table_schema.promoted(level, key)?];
            Some(Promoted {
                table,
                column: column.name.clone(),
                value: column.promoted.as_ref()?.value,
            })
        });
        let Some(promoted) = promoted else {
            return Ok(Attribute::call(key, None, vec![overflow]));
        };
        let sibling = Column::new(column.relation.clone(), &promoted.column);
        if !schema.has_column(&sibling) {
            return plan_err!(
                "{0}['{key}'] also needs the column \"{1}\", which the inner query does not pass on: \
                 select {0}['{key}'] there, or use SELECT *",
                column.name,
                promoted.column
            );
        }
        let args = vec![overflow, Expr::Column(sibling)];
        Ok(Attribute::call(key, Some(promoted), args))
    }
}

/// Whether the values of `field` are JSON text of ours.
fn is_json(field: &Field) -> bool {
    matches!(field.data_type(), DataType::Utf8View | DataType::Utf8)
        && field.metadata().contains_key(JSON_MARK)
}

impl ExprPlanner for AttributePlanner {
    fn plan_field_access(
        &self,
        raw: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let GetFieldAccess::NamedStructField { name } = &raw.field_access else {
            return Ok(PlannerResult::Original(raw));
        };
        let Some(Some(key)) = name.try_as_str() else {
            return Ok(PlannerResult::Original(raw));
        };
        if Attribute::of(&raw.expr).is_some() {
            // A map inside an attribute: its text is JSON.
            return Ok(PlannerResult::Planned(Attribute::call(
                key,
                None,
                vec![raw.expr],
            )));
        }
        let Ok((_, field)) = raw.expr.to_field(schema) else {
            return Ok(PlannerResult::Original(raw));
        };
        if !is_json(&field) {
            return Ok(PlannerResult::Original(raw));
        }
        match (&raw.expr, field.metadata().get(LEVEL_MARK)) {
            (Expr::Column(column), Some(mark)) => self
                .marked(column, mark, key, schema)
                .map(PlannerResult::Planned),
            (_, Some(mark)) => plan_err!(
                "{mark} of an outer query cannot be read by key: select the attribute there"
            ),
            (_, None) => Ok(PlannerResult::Planned(Attribute::call(
                key,
                None,
                vec![raw.expr],
            ))),
        }
    }

    fn plan_binary_op(
        &self,
        raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right } = raw;
        let (left, right) = match op {
            BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo => (
                Attribute::read_as(left, Kind::Number),
                Attribute::read_as(right, Kind::Number),
            ),
            BinaryOperator::And | BinaryOperator::Or => (
                Attribute::read_as(left, Kind::Boolean),
                Attribute::read_as(right, Kind::Boolean),
            ),
            BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
            | BinaryOperator::Spaceship => compared(left, right, schema)?,
            _ => (left, right),
        };
        Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }))
    }

    fn plan_aggregate(&self, raw: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        if !NUMERIC_AGGREGATES.contains(&raw.func.name()) {
            return Ok(PlannerResult::Original(raw));
        }
        let mut raw = raw;
        raw.args = numbers(raw.args);
        for sort in &mut raw.order_by {
            sort.expr = Attribute::read_as(sort.expr.clone(), Kind::Number);
        }
        Ok(PlannerResult::Original(raw))
    }

    fn plan_window(&self, raw: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        let name = raw.func_def.name();
        if COLLECTING_AGGREGATES.contains(&name) {
            return plan_err!(
                "{name} OVER would collect all rows again for each row: use {name} with GROUP BY"
            );
        }
        if !NUMERIC_AGGREGATES.contains(&raw.func_def.name()) {
            return Ok(PlannerResult::Original(raw));
        }
        let args = numbers(raw.args);
        Ok(PlannerResult::Original(RawWindowExpr { args, ..raw }))
    }
}

fn numbers(args: Vec<Expr>) -> Vec<Expr> {
    args.into_iter()
        .map(|arg| Attribute::read_as(arg, Kind::Number))
        .collect()
}

/// Two sides of a comparison, each read as the other wants.
fn compared(left: Expr, right: Expr, schema: &DFSchema) -> Result<(Expr, Expr)> {
    if ids::is_id(&left, schema) {
        return beside_id(left, right, schema);
    }
    if ids::is_id(&right, schema) {
        return beside_id(right, left, schema).map(|(right, left)| (left, right));
    }
    let kind = |other: &Expr| beside(&[other], schema);
    match (
        Attribute::of(&left).is_some(),
        Attribute::of(&right).is_some(),
    ) {
        (true, false) => Ok((Attribute::read_as(left, kind(&right)), right)),
        (false, true) => {
            let kind = kind(&left);
            Ok((left, Attribute::read_as(right, kind)))
        }
        _ => Ok((left, right)),
    }
}

/// An id and what it is compared with: a literal as bytes, other text with the id's hex.
fn beside_id(id: Expr, other: Expr, schema: &DFSchema) -> Result<(Expr, Expr)> {
    if ids::text_literal(&other).is_some() {
        return Ok((id, ids::to_bytes(other)?));
    }
    match other.get_type(schema) {
        Ok(DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8) => {
            let lower = datafusion::functions::string::expr_fn::lower(other);
            Ok((ids::as_hex(id), lower))
        }
        _ => Ok((id, other)),
    }
}

/// How an attribute is read beside these values.
fn beside(others: &[&Expr], schema: &DFSchema) -> Kind {
    let of = |test: fn(&DataType) -> bool| {
        others
            .iter()
            .any(|other| other.get_type(schema).is_ok_and(|found| test(&found)))
    };
    if of(DataType::is_numeric) {
        Kind::Number
    } else if of(|found| *found == DataType::Boolean) {
        Kind::Boolean
    } else {
        Kind::Text
    }
}

/// Step 2: see the module.
#[derive(Debug)]
pub(crate) struct Typing;

impl AnalyzerRule for Typing {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| {
            let names = NamePreserver::new(&node);
            let schema = input_schema(&node)?;
            node.map_expressions(|expr| {
                let saved = names.save(&expr);
                let typed = expr.transform_up(|expr| typed(expr, &schema))?;
                Ok(typed.update_data(|expr| saved.restore(expr)))
            })
        })
        .map(|done| done.data)
    }

    fn name(&self) -> &str {
        "oriel_typing"
    }
}

/// The columns that expressions of `node` may name.
fn input_schema(node: &LogicalPlan) -> Result<Arc<DFSchema>> {
    let mut schema = DFSchema::empty();
    for input in node.inputs() {
        schema.merge(input.schema());
    }
    if let LogicalPlan::TableScan(scan) = node {
        schema.merge(&DFSchema::try_from_qualified_schema(
            scan.table_name.clone(),
            &scan.source.schema(),
        )?);
    }
    Ok(Arc::new(schema))
}

fn typed(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let done = match expr {
        Expr::Between(between) => Expr::Between(typed_between(between, schema)?),
        Expr::InList(list) => Expr::InList(typed_list(list, schema)?),
        Expr::IsTrue(inner) => Expr::IsTrue(boolean(*inner)),
        Expr::IsFalse(inner) => Expr::IsFalse(boolean(*inner)),
        Expr::IsNotTrue(inner) => Expr::IsNotTrue(boolean(*inner)),
        Expr::IsNotFalse(inner) => Expr::IsNotFalse(boolean(*inner)),
        Expr::Not(inner) => Expr::Not(boolean(*inner)),
        Expr::Like(like) if ids::is_id(&like.expr, schema) => Expr::Like(Like {
            expr: Box::new(ids::as_hex(*like.expr)),
            ..like
        }),
        Expr::Cast(cast) => return Ok(typed_cast(cast, schema)),
        Expr::TryCast(cast) => {
            let to = cast.field.data_type().clone();
            let expr = Box::new(cast_input(*cast.expr, &to));
            Expr::TryCast(TryCast { expr, ..cast })
        }
        other => return Ok(Transformed::no(other)),
    };
    Ok(Transformed::yes(done))
}

fn boolean(inner: Expr) -> Box<Expr> {
    Box::new(Attribute::read_as(inner, Kind::Boolean))
}

fn typed_between(between: Between, schema: &DFSchema) -> Result<Between> {
    let kind = beside(&[&between.low, &between.high], schema);
    if ids::is_id(&between.expr, schema) {
        return Ok(Between {
            low: Box::new(ids::to_bytes(*between.low)?),
            high: Box::new(ids::to_bytes(*between.high)?),
            ..between
        });
    }
    Ok(Between {
        expr: Box::new(Attribute::read_as(*between.expr, kind)),
        ..between
    })
}

fn typed_list(list: InList, schema: &DFSchema) -> Result<InList> {
    if ids::is_id(&list.expr, schema) {
        let values = list.list.into_iter().map(ids::to_bytes);
        return Ok(InList {
            list: values.collect::<Result<_>>()?,
            ..list
        });
    }
    let kind = beside(&list.list.iter().collect::<Vec<_>>(), schema);
    Ok(InList {
        expr: Box::new(Attribute::read_as(*list.expr, kind)),
        ..list
    })
}

/// A cast of an attribute reads it as the type that is cast to; an id cast to text is hex.
fn typed_cast(cast: Cast, schema: &DFSchema) -> Transformed<Expr> {
    let to = cast.field.data_type().clone();
    let text = matches!(
        to,
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8
    );
    let expr = if text && ids::is_id(&cast.expr, schema) {
        ids::as_hex(*cast.expr)
    } else {
        cast_input(*cast.expr, &to)
    };
    Transformed::yes(Expr::Cast(Cast {
        expr: Box::new(expr),
        ..cast
    }))
}

fn cast_input(expr: Expr, to: &DataType) -> Expr {
    if to.is_integer() {
        Attribute::read_as(expr, Kind::Integer)
    } else if to.is_numeric() {
        Attribute::read_as(expr, Kind::Number)
    } else if *to == DataType::Boolean {
        Attribute::read_as(expr, Kind::Boolean)
    } else {
        expr
    }
}
