//! The end of `init`: makes the token, tries everything at once, creates rooms, and writes the files.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::files::{self, CONFIG_MODE, NewFile, SECRET_MODE};
use super::letschat::SignedIn;
use super::terminal::InitError;
use super::wizard::Wizard;
use crate::bridge::Peer;
use crate::cli::check;
use crate::config;
use crate::config::Settings;
use crate::domain::Endpoint;
use crate::service;
use crate::service::{ProbeReport, ServerReport};

/// Whether the login and all of `endpoints` work.
fn works(report: &ProbeReport, endpoints: &[Endpoint]) -> bool {
    let is_in = |server: &ServerReport| {
        matches!(server.login, Some(Ok(_))) && !matches!(server.account, Some(Err(_)))
    };
    report.servers.iter().all(is_in)
        && endpoints.iter().all(|endpoint| report.endpoint_result(endpoint).is_ok())
}

impl Wizard<'_> {
    /// Tries everything as `check` does, and makes a token if there is none yet. Returns `false` if the links are to
    /// be asked for again.
    pub(super) async fn try_everything(&mut self, letschat: &SignedIn) -> Result<bool, InitError> {
        let settings = self.settings()?;
        let Some(rest) = letschat.rest.as_ref().filter(|_| self.draft.token.is_none()) else {
            println!("trying everything …");
            let mut report = service::probe(&settings).await;
            self.expect_new_rooms(&settings, &mut report);
            let works = check::print_report(&settings, &report);
            return if works { Ok(true) } else { self.after_problems().await };
        };
        // The token may revoke one that is in use, so what can be tried without it comes first.
        println!("trying the channels …");
        let channels: Vec<Endpoint> =
            settings.links.iter().map(|link| link.channel.clone()).collect();
        let (mut irc, _) = service::survey(&settings, false, &channels).await;
        let accepted = !works(&irc, &channels);
        if accepted && !self.accepts_channels(&settings, &mut irc).await? {
            return Ok(false);
        }
        self.confirm_token(&letschat.username).await?;
        let token = self.made.generate_token(rest).await;
        let token = token.map_err(|error| InitError::Failed(format!("letschat: {error}")))?;
        self.draft.token = Some(self.new_token(token));
        self.try_rooms(irc, accepted).await
    }

    /// Tries Let's Chat with the new token. The report contains what was found out on `irc`, and whether that was
    /// `accepted`.
    async fn try_rooms(&mut self, irc: ProbeReport, accepted: bool) -> Result<bool, InitError> {
        println!("trying the rooms …");
        let settings = self.settings()?;
        let letschat_alone = Settings { networks: Vec::new(), ..settings.clone() };
        let mut report = service::probe(&letschat_alone).await;
        self.expect_new_rooms(&settings, &mut report);
        let rooms: Vec<Endpoint> = settings.links.iter().map(|link| link.room.clone()).collect();
        let rooms_work = works(&report, &rooms);
        report.servers.extend(irc.servers);
        report.endpoints.extend(irc.endpoints);
        if check::print_report(&settings, &report) || (accepted && rooms_work) {
            return Ok(true);
        }
        self.after_problems().await
    }

    /// Whether to go on although a channel cannot be used. `false` if other links are to be asked for.
    async fn accepts_channels(
        &mut self,
        settings: &Settings,
        irc: &mut ProbeReport,
    ) -> Result<bool, InitError> {
        if self.arguments.accept_problems {
            // The whole report follows.
            return Ok(true);
        }
        // The rooms were looked for before.
        let rooms = settings.links.iter().map(|link| &link.room);
        irc.endpoints.extend(rooms.clone().map(|room| (room.clone(), Ok(()))));
        check::print_report(settings, irc);
        for room in rooms {
            irc.endpoints.remove(room);
        }
        self.after_problems().await
    }

    /// Creates rooms, and writes the files.
    pub(super) async fn finish(&mut self, letschat: &SignedIn) -> Result<(), InitError> {
        self.create_rooms(letschat).await?;
        // From here on nothing waits, so that no signal comes in between.
        self.write()?;
        self.print_next_steps();
        Ok(())
    }

    /// A new token revokes one that may be in use.
    async fn confirm_token(&mut self, username: &str) -> Result<(), InitError> {
        println!(
            "letschat: init makes a token for {username}: an earlier token of this account stops working"
        );
        if self.terminal.is_interactive() && !self.terminal.confirm("Go on?", true).await? {
            return Err(InitError::Interrupted);
        }
        Ok(())
    }

    /// Rooms that will be created are no problem, if the account is let in.
    fn expect_new_rooms(&self, settings: &Settings, report: &mut ProbeReport) {
        let letschat = report.servers.iter().find(|server| server.peer == Peer::LetsChat);
        if !letschat.is_some_and(|server| matches!(server.login, Some(Ok(_)))) {
            return;
        }
        for link in self.draft.links.iter().filter(|link| link.is_new_room) {
            let room = Endpoint::room(&link.room);
            if settings.links.iter().any(|link| link.room == room) {
                report.endpoints.insert(room, Ok(()));
            }
        }
    }

    /// Whether to go on all the same. `false` if other links are to be asked for.
    async fn after_problems(&mut self) -> Result<bool, InitError> {
        if self.arguments.accept_problems {
            return Ok(true);
        }
        if self.terminal.is_interactive() {
            let question = "Something does not work yet. Write the configuration all the same?";
            if self.terminal.confirm(question, false).await? {
                return Ok(true);
            }
            if self.terminal.confirm("Choose the links again?", true).await? {
                return Ok(false);
            }
        }
        Err(InitError::Failed(format!(
            "Solve this first, or write the configuration all the same with --accept-problems{}",
            self.about_earlier_token()
        )))
    }

    async fn create_rooms(&mut self, letschat: &SignedIn) -> Result<(), InitError> {
        let Some(rest) = &letschat.rest else { return Ok(()) };
        let mut created: Vec<&str> = Vec::new();
        for link in self.draft.links.iter().filter(|link| link.is_new_room) {
            if created.contains(&link.room.as_str()) {
                continue;
            }
            let description = format!("Linked with {} on IRC", link.channel);
            match rest.create_room(&link.room, &description, false).await {
                Ok(true) => println!("letschat: created the room {}", link.room),
                Ok(false) => {
                    return Err(InitError::Failed(format!(
                        "letschat: cannot create the room {}: perhaps an archived room has that \
                         slug; choose another",
                        link.room
                    )));
                }
                Err(error) => return Err(InitError::Failed(format!("letschat: {error}"))),
            }
            created.push(&link.room);
        }
        Ok(())
    }

    fn write(&self) -> Result<(), InitError> {
        let config = &self.arguments.config;
        let secret = |(file, value): (&str, &SecretString)| NewFile {
            // An absolute path stays as it is.
            path: config.parent().unwrap_or(Path::new("")).join(file),
            content: format!("{}\n", value.expose_secret()),
            mode: SECRET_MODE,
        };
        let mut new: Vec<NewFile> = self.draft.new_secrets().into_iter().map(secret).collect();
        new.push(NewFile {
            path: config.clone(),
            content: self.draft.to_toml(),
            mode: CONFIG_MODE,
        });
        files::write_all(&new).map_err(InitError::Failed)?;
        let names: Vec<String> = new.iter().map(|file| file.path.display().to_string()).collect();
        println!("\nwrote {}", names.join(" and "));
        Ok(())
    }

    fn print_next_steps(&self) {
        let config = &self.arguments.config;
        match config::load(config, std::env::vars()) {
            Ok((_, warnings)) => warnings.iter().for_each(|it| println!("warning: {it}")),
            // Only variables of the environment can be wrong.
            Err(errors) => println!("{errors}"),
        }
        let is_default = config.as_os_str() == "bridge.toml";
        let option =
            if is_default { String::new() } else { format!(" --config {}", config.display()) };
        println!("\nNext:\n    letsbridge check{option}    tries everything again, at any time");
        match self.draft.state_dir {
            Some(_) => println!(
                "    letsbridge run{option}      runs the bridge in this terminal; Ctrl-C stops it\n\
                 docs/installing.md describes how to run it as a service."
            ),
            None => println!(
                "    sudo systemctl enable --now letsbridge\n\
                 The last one starts the service; README.md describes how to install it."
            ),
        }
        let secrets = self.draft.new_secrets();
        let others = secrets.iter().filter(|(file, _)| *file != "letschat.token");
        for (file, _) in others {
            println!(
                "Under systemd, the service also needs the line \
                 LoadCredential={file}:/etc/letsbridge/{file}"
            );
        }
    }
}
