//! The administrator's side of the running bridge: one HTTP API on a Unix socket, and on a TCP listener if there is one.
//!
//! ```text
//!  letsbridge status, curl ─▶ state_dir/control.sock ─┐
//!                                                     ├─▶ gate: who may? ─▶ api ─▶ BridgeControl ─▶ the engine
//!  browser, Prometheus ─▶ [admin] listen ─────────────┘                 ├─▶ metrics, health
//!                                                                       └─▶ page
//! ```
//!
//! Who can open the socket may do everything: it belongs to the bridge's user, and nobody else can connect. On the TCP
//! listener, `gate` decides.

mod answer;
mod api;
mod body;
mod catch_up;
mod client;
mod cluster;
mod cluster_api;
mod error;
mod event_hub;
mod events;
mod gate;
mod handles;
mod health;
mod metrics;
mod page;
mod people;
mod progress;
mod queue;
mod remedies;
mod report;
mod router;
mod samples;
mod server;
mod socket;
mod state;
mod status;
mod tcp;
mod upgrade;
mod upgrade_api;
mod warnings;

pub use answer::ErrorView;
pub use api::{ChangeView, DropRequestBody, LinkRequestBody, LogLevelView};
pub use catch_up::{CatchUpRequestBody, CatchUpSideView, CatchUpView, SideView};
pub use client::{AdminClient, ClientError};
pub use cluster::{
    ClusterMonitor, ClusterNodeView, ClusterView, HandoverBegunView, HandoverFuture,
    HandoverHandle, NodeRoleView,
};
pub use error::AdminError;
pub use handles::{LogLevelControl, ReloadFuture, ReloadHandle};
pub use people::{EndedLinkView, PersonAccountView, PersonView, UnlinkRequestBody, UnlinkedView};
pub use progress::{PROGRESS_PATH, progress_file};
pub use queue::{DeliveryView, DroppedView, LinkRefView, QueueView};
pub use remedies::remedy_for;
pub use report::{
    CanaryDirectionView, CanaryView, ConfigView, ConnectionStateView, DirectionView, LinkErrorView,
    LinkStateView, LinkView, NetworkKindView, NetworkView, PeopleCounts, ReloadView, ReloadedView,
    StatusView, StorageView, WarningView,
};
pub use server::{AdminListeners, AdminServer};
pub use socket::{ControlSocketError, socket_path};
pub use state::RunningParts;
pub use tcp::AdminTcp;
pub use upgrade::{
    LostConnectionView, UpgradeBegunView, UpgradeFuture, UpgradeHandle, UpgradeRequestBody,
    UpgradeStatusView, UpgradeView,
};
pub use warnings::{Gravity, LogPlace, LoggedWarning, RecentWarnings};
