//! What goes wrong with a request over REST, before it is carried out and before it is answered.

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::letschat::faults::Fault;
use crate::letschat::listener::Peer;
use crate::letschat::shared::Shared;

/// The fault of one request, and what its answer is to wait for.
pub(super) struct Trouble {
    fault: Option<Fault>,
    released: Option<tokio::sync::watch::Receiver<u64>>,
    is_post: bool,
}

impl Trouble {
    /// What is to happen to this request.
    pub(super) fn of(shared: &Shared, method: &Method, path: &[&str]) -> Self {
        let room = match path {
            ["rooms", room, "messages"] => Some(*room),
            ["messages"] => Some(""),
            _ => None,
        };
        let room = room.filter(|_| *method == Method::POST);
        let fault = match room {
            Some(room) => {
                let slug = shared.state().room_by_path(room).map(|room| room.slug.clone());
                shared.faults.fault_for_rest(slug.as_deref())
            }
            None => shared.faults.fault_for_path(&format!("/{}", path.join("/"))),
        };
        let released = (fault == Some(Fault::HoldAck)).then(|| shared.faults.releases());
        Self { fault, released, is_post: room.is_some() }
    }

    /// Whether nothing is done at all.
    pub(super) fn is_before(&self) -> bool {
        self.fault == Some(Fault::DropBefore)
    }

    /// Whether nobody is told of what is done.
    pub(super) fn is_silent(&self) -> bool {
        self.fault == Some(Fault::LoseBroadcast)
    }

    /// Answers, late or never.
    pub(super) async fn answer(self, shared: &Shared, peer: &Peer, response: Response) -> Response {
        match self.fault {
            Some(Fault::DropBefore | Fault::DropAfter) => {
                peer.cut();
                // It is never read.
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
            // It ends with the connection.
            Some(Fault::SwallowAck) => std::future::pending().await,
            Some(Fault::LateAck(late)) => tokio::time::sleep(late).await,
            Some(Fault::HoldAck) => {
                if let Some(mut released) = self.released {
                    // Its sender outlives the server's connections.
                    let _ = released.changed().await;
                }
            }
            _ if self.is_post => tokio::time::sleep(shared.faults.ack_delay()).await,
            _ => {}
        }
        shared.faults.until_may_send().await;
        response
    }
}
