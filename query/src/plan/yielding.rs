//! Makes operators that can turn few input batches into very many yield to the scheduler, so that
//! a query that has timed out or whose client has gone can be stopped.
//!
//! DataFusion makes the leaves of a plan cooperative; a cross join works for hours on what it has
//! read from its leaves.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec,
};
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::unnest::UnnestExec;

/// See the module.
#[derive(Debug)]
pub(crate) struct Yielding;

impl PhysicalOptimizerRule for Yielding {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let multiplies = node.is::<CrossJoinExec>()
                || node.is::<NestedLoopJoinExec>()
                || node.is::<HashJoinExec>()
                || node.is::<SortMergeJoinExec>()
                || node.is::<RecursiveQueryExec>()
                || node.is::<UnnestExec>();
            if multiplies {
                let yielding: Arc<dyn ExecutionPlan> = Arc::new(CooperativeExec::new(node));
                return Ok(Transformed::yes(yielding));
            }
            Ok(Transformed::no(node))
        })
        .map(|done| done.data)
    }

    fn name(&self) -> &str {
        "oriel_yielding"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
