//! Regular expressions that are compiled once.
//!
//! Arrow's kernels compile an expression again for each batch, and what it learns while it matches is
//! lost each time: a third of the work of a scan. So here a few compiled ones are kept, and operators
//! (`~`, `~*`, `!~`, `!~*`) with a constant expression become calls of `regexp_like`, which uses them.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArrayType};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ScalarUDF, lit, not,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use regex::{Regex, RegexBuilder};

use crate::work;

/// Name of the function.
pub(super) const LIKE: &str = "regexp_like";
/// Flag of one that does not see case.
pub(super) const CASELESS: &str = "i";
/// Compiled expressions that are kept: those that were used last.
const KEPT_MAX: usize = 16;
/// Rows between two looks whether somebody still waits.
const ROWS_BETWEEN_LOOKS: usize = 256;

/// Bytes of the program of one that is kept; larger ones are compiled for each batch.
const KEPT_BYTES_MAX: usize = 1 << 20;

static KEPT: Mutex<Vec<(String, Arc<Regex>)>> = Mutex::new(Vec::new());

/// `pattern` compiled, with what it learned of texts before. Errors: it is none.
fn compiled(pattern: String) -> Result<Arc<Regex>> {
    let find = |kept: &mut Vec<(String, Arc<Regex>)>| {
        let at = kept.iter().position(|(known, _)| *known == pattern)?;
        let found = kept.remove(at);
        let regex = Arc::clone(&found.1);
        kept.push(found);
        Some(regex)
    };
    // Nothing under this lock can panic half way.
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = find(&mut kept()) {
        return Ok(known);
    }
    let small = RegexBuilder::new(&pattern)
        .size_limit(KEPT_BYTES_MAX)
        .build();
    let Ok(made) = small.map(Arc::new) else {
        let made = Regex::new(&pattern).map(Arc::new);
        return made.or_else(|error| exec_err!("regular expression did not compile: {error}"));
    };
    let mut kept = kept();
    if kept.len() >= KEPT_MAX {
        kept.remove(0);
    }
    kept.push((pattern, Arc::clone(&made)));
    Ok(made)
}

/// `regexp_like` of many texts and one expression; `None` for other arguments.
pub(super) fn like(args: &[ColumnarValue]) -> Option<Result<ColumnarValue>> {
    let (texts, pattern, flags) = match args {
        [ColumnarValue::Array(texts), pattern] => (texts, pattern, ""),
        [ColumnarValue::Array(texts), pattern, flags] => (texts, pattern, constant(flags)?),
        _ => return None,
    };
    let pattern = match (constant(pattern)?, flags) {
        (pattern, "") => pattern.to_owned(),
        (pattern, CASELESS) => format!("(?{CASELESS}){pattern}"),
        _ => return None,
    };
    let found = match texts.data_type() {
        DataType::Utf8View => matched(&texts.as_string_view(), pattern),
        DataType::Utf8 => matched(&texts.as_string::<i32>(), pattern),
        _ => return None,
    };
    Some(found.map(ColumnarValue::Array))
}

fn constant(value: &ColumnarValue) -> Option<&str> {
    match value {
        ColumnarValue::Scalar(scalar) => scalar.try_as_str().flatten(),
        ColumnarValue::Array(_) => None,
    }
}

fn matched<'a, S: StringArrayType<'a> + Copy>(texts: &S, pattern: String) -> Result<ArrayRef> {
    let regex = compiled(pattern)?;
    let mut over = false;
    let found = BooleanBuffer::collect_bool(texts.len(), |row| {
        over = over || row % ROWS_BETWEEN_LOOKS == 0 && work::over();
        !over && texts.is_valid(row) && regex.is_match(texts.value(row))
    });
    if over {
        return Err(DataFusionError::Execution("the query is over".to_owned()));
    }
    let nulls = texts.logical_nulls();
    Ok(Arc::new(BooleanArray::new(found, nulls)))
}

/// Turns operators with a constant expression into calls of the function.
#[derive(Debug)]
pub(super) struct Regexes {
    /// `regexp_like`.
    pub(super) like: Arc<ScalarUDF>,
}

impl OptimizerRule for Regexes {
    fn name(&self) -> &str {
        "oriel_regexes"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        plan.transform_up_with_subqueries(|node| {
            let names = NamePreserver::new(&node);
            node.map_expressions(|expr| {
                let saved = names.save(&expr);
                let called = expr.transform_up(|expr| Ok(self.call(expr)))?;
                Ok(called.update_data(|expr| saved.restore(expr)))
            })
        })
    }
}

impl Regexes {
    fn call(&self, expr: Expr) -> Transformed<Expr> {
        use Operator::{RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch};
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = &expr else {
            return Transformed::no(expr);
        };
        let constant = match &**right {
            Expr::Literal(value, _) => value.try_as_str().flatten().is_some(),
            _ => false,
        };
        let mut args = vec![(**left).clone(), (**right).clone()];
        match op {
            RegexMatch | RegexNotMatch if constant => {}
            RegexIMatch | RegexNotIMatch if constant => {
                args.push(lit(ScalarValue::Utf8(Some(CASELESS.to_owned()))));
            }
            _ => return Transformed::no(expr),
        }
        let call = self.like.call(args);
        Transformed::yes(match op {
            RegexMatch | RegexIMatch => call,
            _ => not(call),
        })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{StringArray, StringViewArray};
    use arrow::compute::kernels::comparison::regexp_is_match_scalar;

    use super::*;

    /// Scenario: texts with one absent, as both kinds of arrays; expressions, more than are kept, without
    /// and with a flag; other flags, no constant, none that is an expression.
    /// Guarantees: what Arrow's kernel finds; the rest is left to others, or an error.
    #[test]
    fn finds_what_the_kernel_finds() {
        let texts = [
            Some("Card 77"),
            None,
            Some(""),
            Some("card declined"),
            Some("grün\n7"),
        ];
        let views = StringViewArray::from_iter(texts);
        let plain = StringArray::from_iter(texts);
        let text = |text: &str| ColumnarValue::Scalar(ScalarValue::Utf8View(Some(text.to_owned())));
        let mut patterns: Vec<String> = ["^c", "", "\\d{2}", "(?i)GRÜN", ".*7$", "x|d+"]
            .map(str::to_owned)
            .to_vec();
        patterns.extend((0..2 * KEPT_MAX).map(|number| format!("[{number}]")));
        for pattern in patterns.iter().chain(&patterns) {
            for flags in ["", CASELESS] {
                let want =
                    regexp_is_match_scalar(&views, pattern, Some(flags).filter(|f| !f.is_empty()));
                let want: ArrayRef = Arc::new(want.unwrap());
                for array in [Arc::new(views.clone()) as ArrayRef, Arc::new(plain.clone())] {
                    let args = [ColumnarValue::Array(array), text(pattern), text(flags)];
                    let found = like(&args).unwrap().unwrap().into_array(5).unwrap();
                    assert_eq!(&found, &want, "{pattern} {flags}");
                }
            }
        }
        let array = || ColumnarValue::Array(Arc::new(views.clone()));
        assert!(like(&[array(), text("a"), text("x")]).is_none());
        assert!(like(&[array(), array()]).is_none());
        assert!(like(&[text("a"), text("a")]).is_none());
        assert!(like(&[array(), text("(")]).unwrap().is_err());
        assert!(KEPT.lock().unwrap().len() <= KEPT_MAX);
    }
}
