//! Documents of Let's Chat for the history of channels, and the script that restores them.
//!
//! | module      | contents                                                        |
//! |-------------|-----------------------------------------------------------------|
//! | `ids`       | ids that are the same each time, and hold the old time          |
//! | `order`     | the channels of a room as one sequence of rising times          |
//! | `wording`   | what a message says, in whose voice                             |
//! | `documents` | messages and accounts in BSON, as mongoose makes them           |
//! | `script`    | `restore.sh`: restores, checks, and takes back                  |

mod documents;
mod ids;
mod order;
mod script;
mod wording;

pub use documents::{
    AccountFields, MESSAGES_METADATA, MessageFields, USERS_METADATA, append_account, append_message,
};
pub use ids::{imported_account_id, message_id};
pub use order::{PlacedEntry, RoomOrder};
pub use script::{RESTORE_JS, RESTORE_SH, RestoredAccount, RestoredHistory, RestoredRoom};
pub use wording::{HistoryVoice, Wording};
