//! Replaces `attributes['key']` by the promoted column where no row that is read keeps the key in
//! its overflow, so that the overflow is not read and the column's statistics apply.
//!
//! Runs last in each pass of the optimizer, when filters have reached the scans. In: the plan. Out:
//! the same answers. The union over all scans of a table decides, so that it does not matter which
//! scan a column came from.

use std::collections::{BTreeSet, HashMap};

use datafusion::common::Result;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, lit};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use oriel_storage::schema::{Table, ValueType};

use super::attribute::{Attribute, Kind};
use super::table::SignalTable;

/// See the module.
#[derive(Debug)]
pub(crate) struct Resolve;

impl OptimizerRule for Resolve {
    fn name(&self) -> &str {
        "oriel_resolve"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        if !has_attribute(&plan)? {
            return Ok(Transformed::no(plan));
        }
        let strays = strays(&plan)?;
        plan.transform_up_with_subqueries(|node| {
            let names = NamePreserver::new(&node);
            node.map_expressions(|expr| {
                let saved = names.save(&expr);
                let resolved = expr.transform_down(|expr| Ok(resolve(expr, &strays)))?;
                Ok(resolved.update_data(|expr| saved.restore(expr)))
            })
        })
    }
}

fn has_attribute(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            found |= expr.exists(|expr| Ok(Attribute::of(expr).is_some()))?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

/// The strays of each table over all its scans in `plan`.
fn strays(plan: &LogicalPlan) -> Result<HashMap<Table, BTreeSet<String>>> {
    let mut strays: HashMap<Table, BTreeSet<String>> = HashMap::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Ok(provider) = source_as_provider(&scan.source)
            && let Some(table) = provider.downcast_ref::<SignalTable>()
        {
            let found = table.strays(&scan.filters);
            strays.entry(table.table()).or_default().extend(found);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(strays)
}

fn resolve(expr: Expr, strays: &HashMap<Table, BTreeSet<String>>) -> Transformed<Expr> {
    let column_of = |expr: &Expr| -> Option<(Expr, Kind, ValueType)> {
        let (attribute, args) = Attribute::of(expr)?;
        let promoted = attribute.promoted.as_ref()?;
        let stray = strays.get(&promoted.table)?.contains(&promoted.column);
        (!stray).then(|| (args[1].clone(), attribute.kind, promoted.value))
    };
    if let Expr::BinaryExpr(BinaryExpr { left, op, right }) = &expr
        && is_comparison(*op)
    {
        // An integer column beside a whole number is compared as integers: statistics apply.
        let whole = |side: &Expr, other: &Expr| match column_of(side)? {
            (column, Kind::Number, ValueType::Int) => Some((column, whole_number(other)?)),
            _ => None,
        };
        if let Some((column, number)) = whole(left, right) {
            return Transformed::yes(binary(column, *op, lit(number)));
        }
        if let Some((column, number)) = whole(right, left) {
            return Transformed::yes(binary(lit(number), *op, column));
        }
    }
    match (column_of(&expr), Attribute::of(&expr)) {
        (Some((column, _, value)), Some((attribute, _))) => {
            Transformed::yes(attribute.column_only(value, column))
        }
        _ => Transformed::no(expr),
    }
}

/// Whether `op` compares values, NULL when one is.
fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

/// The integer that a double literal is, when it is one that doubles hold exactly.
fn whole_number(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::Float64(Some(value)), _)
            if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 =>
        {
            Some(*value as i64)
        }
        _ => None,
    }
}
