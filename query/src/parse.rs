//! From text to the one statement that it is, within bounds and with names where they are needed.

use std::collections::HashMap;

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::GenericDialect;

use crate::error::{self, Code, Error, Known};

/// Nesting of expressions that the parser takes.
const NESTING_MAX: usize = 64;
/// Operators of one query: a chain of them is a deep expression, and planning is quadratic in it.
const OPERATORS_MAX: usize = 2_000;

/// The one statement that `sql` is. Errors: it does not parse, is none or several, or is too deep;
/// hints name what is `known`.
pub(crate) fn statement(sql: &str, known: &Known) -> Result<Statement, Error> {
    let told = |error| error::from_datafusion(&error, sql, known);
    let dialect = GenericDialect {};
    check_operators(sql, &dialect)?;
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&dialect)
        .with_recursion_limit(NESTING_MAX)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(told)?;
    match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => Ok(named(statement)),
        (None, _) => Err(Error::new(Code::Syntax, "the query is empty")),
        (Some(_), more) => Err(Error::new(
            Code::NotAllowed,
            format!("one statement at a time: this is {}", more + 1),
        )),
    }
}

/// Names expressions of the outermost SELECT that have none, where DataFusion would refuse the query:
/// - those that cast, by their text. It would name them as if nothing were cast, as others may be.
/// - those that stand there again, by their text and how often they did.
fn named(mut statement: Statement) -> Statement {
    let query = match &mut statement {
        Statement::Statement(inner) => match inner.as_mut() {
            ast::Statement::Query(query) => query,
            _ => return statement,
        },
        _ => return statement,
    };
    if let ast::SetExpr::Select(select) = query.body.as_mut() {
        let mut seen: HashMap<String, usize> = HashMap::new();
        for item in &mut select.projection {
            if let ast::SelectItem::UnnamedExpr(expr) = item {
                let text = expr.to_string();
                let times = seen.entry(text.clone()).or_default();
                *times += 1;
                let name = match *times {
                    1 if text.contains("::") || text.contains("CAST(") => text,
                    1 => continue,
                    times => format!("{text} ({times})"),
                };
                *item = ast::SelectItem::ExprWithAlias {
                    expr: expr.clone(),
                    alias: ast::Ident::with_quote('"', name.replace('"', "'")),
                };
            }
        }
    }
    statement
}

/// Refuses a query with so many operators that planning it would take minutes or a deep stack.
fn check_operators(sql: &str, dialect: &GenericDialect) -> Result<(), Error> {
    use datafusion::sql::sqlparser::keywords::Keyword;
    use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
    // What does not even tokenize is the parser's to explain.
    let tokens = Tokenizer::new(dialect, sql).tokenize().unwrap_or_default();
    let chained = |token: &&Token| match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND | Keyword::OR | Keyword::NOT | Keyword::UNION | Keyword::JOIN
        ),
        Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Mod => true,
        Token::StringConcat | Token::DoubleColon | Token::LBracket => true,
        _ => false,
    };
    let operators = tokens.iter().filter(chained).count();
    if operators <= OPERATORS_MAX {
        return Ok(());
    }
    let message =
        format!("the query has {operators} operators; at most {OPERATORS_MAX} are allowed");
    Err(Error::new(Code::TooLarge, message).hint("write a long OR of one column as IN (…)"))
}
