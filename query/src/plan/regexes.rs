//! Regular expressions that are compiled once.
//!
//! Arrow's kernels compile an expression again for each batch, and what it learns while it matches is
//! lost each time: a third of the work of a scan. So here a few compiled ones are kept, and operators
//! (`~`, `~*`, `!~`, `!~*`) with a constant expression become calls of `regexp_like`, which uses them.
//! A text is asked first whether it has the literals of the expression at all ([`Sieve`]).

use std::cell::RefCell;
use std::rc::Rc;
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

use super::sieve::Sieve;
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

/// An expression, ready to match.
#[derive(Debug, Clone)]
struct Compiled {
    regex: Regex,
    /// Says of most texts whether they match.
    sieve: Option<Arc<Sieve>>,
}

/// Expressions by their texts; those that were used last come last.
type Kept<C> = Vec<(String, C)>;

static KEPT: Mutex<Kept<Arc<Compiled>>> = Mutex::new(Vec::new());

thread_local! {
    /// Copies of those for one thread, which share the program. What a match needs is lent from a pool
    /// that belongs to a copy: at once to the thread that asked first, by a lock for each text to others.
    static OWN: RefCell<Kept<Rc<Compiled>>> = const { RefCell::new(Vec::new()) };
}

/// The one of `pattern`, which is the last then.
fn find<C: Clone>(kept: &mut Kept<C>, pattern: &str) -> Option<C> {
    let at = kept.iter().position(|(known, _)| known == pattern)?;
    let found = kept.remove(at);
    let compiled = found.1.clone();
    kept.push(found);
    Some(compiled)
}

fn keep<C>(kept: &mut Kept<C>, pattern: &str, compiled: C) {
    if kept.len() >= KEPT_MAX {
        kept.remove(0);
    }
    kept.push((pattern.to_owned(), compiled));
}

/// `pattern` compiled, with what it learned of texts before in this thread. Errors: it is none.
fn compiled(pattern: &str) -> Result<Rc<Compiled>> {
    if let Some(own) = OWN.with_borrow_mut(|own| find(own, pattern)) {
        return Ok(own);
    }
    // Nothing under this lock can panic half way.
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let known = find(&mut kept(), pattern);
    let small = || {
        let small = RegexBuilder::new(pattern)
            .size_limit(KEPT_BYTES_MAX)
            .build();
        let regex = small.ok()?;
        let sieve = Sieve::new(pattern).map(Arc::new);
        let made = Arc::new(Compiled { regex, sieve });
        keep(&mut kept(), pattern, Arc::clone(&made));
        Some(made)
    };
    if let Some(shared) = known.or_else(small) {
        let own = Rc::new(Compiled::clone(&shared));
        OWN.with_borrow_mut(|kept| keep(kept, pattern, Rc::clone(&own)));
        return Ok(own);
    }
    match Regex::new(pattern) {
        Ok(regex) => Ok(Rc::new(Compiled { regex, sieve: None })),
        Err(error) => exec_err!("regular expression did not compile: {error}"),
    }
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
    let compiled = compiled(&pattern)?;
    let Compiled { regex, sieve } = &*compiled;
    let mut sieve = sieve.as_deref();
    let (mut over, mut passed) = (false, 0);
    let found = BooleanBuffer::collect_bool(texts.len(), |row| {
        if row % ROWS_BETWEEN_LOOKS == 0 {
            over = over || work::over();
            // Where it cannot tell of most texts, to ask it is work for nothing.
            sieve = sieve.filter(|_| passed <= row / 2);
        }
        if over || !texts.is_valid(row) {
            return false;
        }
        let text = texts.value(row);
        let known = sieve.and_then(|sieve| sieve.matches(text));
        known.unwrap_or_else(|| {
            passed += 1;
            regex.is_match(text)
        })
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
