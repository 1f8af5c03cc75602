//! Stands in.
use super::report::StatusView;
use super::state::AdminState;
impl AdminState {
    pub(super) async fn status(&self) -> StatusView {
        todo!()
    }
}
