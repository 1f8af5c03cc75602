//! Dispatches numerics.

use std::time::Instant;

use irc::proto::Response;

use super::{IrcSession, last_argument};
use crate::protocol::irc::errors::disconnect::DisconnectKind;
use crate::protocol::irc::login::nickserv::Fact;
use crate::protocol::irc::wire::batch::MessageContext;

/// Numerics (<https://modern.ircdocs.horse/#numerics>).
impl IrcSession {
    pub(super) fn on_numeric(
        &mut self,
        now: Instant,
        response: Response,
        arguments: &[String],
        context: &MessageContext,
    ) {
        let argument = |at: usize| arguments.get(at).map_or("", String::as_str);
        let text = last_argument(arguments);
        let is_our_channel = self.channels.endpoint_of(argument(1)).is_some();
        let code = (response as u16).to_string();
        if self.is_direct_send_error(&code, arguments) {
            return self.on_send_error(now, &code, arguments, context);
        }
        match response {
            Response::RPL_WELCOME => self.on_welcome(now, argument(0)),
            Response::RPL_MYINFO => self.on_server_version(argument(1), argument(2)),
            Response::RPL_ISUPPORT => self.on_isupport(now, arguments),
            Response::RPL_HOSTHIDDEN => self.set_own_host(argument(1)),
            Response::RPL_ENDOFMOTD | Response::ERR_NOMOTD => self.on_end_of_motd(now),

            Response::RPL_NAMREPLY => self.on_names_reply(now, argument(2), text),
            Response::RPL_ENDOFNAMES => self.on_end_of_names(now, argument(1)),
            Response::RPL_WHOREPLY => self.on_who_reply(arguments),
            Response::RPL_ENDOFWHO => self.on_end_of_who(),
            Response::RPL_TRYAGAIN if argument(1) == "WHO" => self.who_poll.defer(now),
            Response::RPL_CHANNELMODEIS => self.modes_are(argument(1), argument(2)),
            Response::RPL_TOPIC => self.on_topic(None, argument(1), Some(text.to_owned())),
            Response::RPL_NOTOPIC => self.on_topic(None, argument(1), None),
            Response::ERR_NOTONCHANNEL => self.suspect_not_joined(now, argument(1)),

            Response::RPL_WHOISCHANNELS => self.on_whois_channels(argument(1), text),
            Response::RPL_WHOISUSER => {
                self.shown(argument(1), Fact::Address(argument(2), argument(3)));
            }
            Response::RPL_WHOISSERVER => self.shown(argument(1), Fact::Server(argument(2))),
            Response::RPL_WHOISOPERATOR => self.shown(argument(1), Fact::Is(text)),
            Response::RPL_ENDOFWHOIS => {
                self.on_end_of_whois(now, argument(1));
                self.all_shown(now, argument(1));
            }

            Response::ERR_NICKNAMEINUSE | Response::ERR_NICKCOLLISION => {
                self.on_nick_rejected(now, false, text);
            }
            Response::ERR_ERRONEOUSNICKNAME | Response::ERR_NONICKNAMEGIVEN => {
                self.on_nick_rejected(now, true, text);
            }
            Response::ERR_UNAVAILRESOURCE if !is_our_channel => {
                self.on_nick_rejected(now, false, text);
            }
            Response::RPL_ISON => self.on_ison_reply(now, text),
            Response::RPL_MONONLINE => self.on_monitored_nicks(now, text, true),
            Response::RPL_MONOFFLINE => self.on_monitored_nicks(now, text, false),

            Response::RPL_LOGGEDIN => self.on_account(now, Some(argument(2))),
            Response::RPL_LOGGEDOUT => self.on_account(now, None),
            Response::ERR_NICKLOCKED
            | Response::RPL_SASLSUCCESS
            | Response::ERR_SASLFAIL
            | Response::ERR_SASLTOOLONG
            | Response::ERR_SASLABORT
            | Response::ERR_SASLALREADY
            | Response::RPL_SASLMECHS => self.on_sasl_numeric(now, response, arguments),
            // Later, it concerns an operator's password.
            Response::ERR_PASSWDMISMATCH if self.is_registering() => {
                self.reject_by_numeric(DisconnectKind::BadPassword, arguments);
            }
            Response::ERR_NOPERMFORHOST if self.is_registering() => {
                self.reject_by_numeric(DisconnectKind::HostNotAllowed, arguments);
            }
            Response::ERR_YOUREBANNEDCREEP | Response::ERR_YOUWILLBEBANNED => {
                self.on_banned(now, arguments);
            }

            Response::ERR_UNKNOWNCOMMAND if argument(1) == "RELAYMSG" => {
                self.on_relaymsg_error(now, &code, arguments, context);
            }
            Response::ERR_UNKNOWNCOMMAND | Response::ERR_NEEDMOREPARAMS
                if argument(1) == "CHATHISTORY" =>
            {
                self.on_history_rejected(text);
            }

            Response::ERR_NOSUCHNICK if !is_our_channel => self.on_no_such_nick(now, argument(1)),
            Response::ERR_CHANOPRIVSNEEDED if self.on_topic_rejected(argument(1), text) => {}
            // In answer to JOIN: no other line of ours names two channels.
            Response::ERR_TOOMANYTARGETS if argument(1).contains(',') => self.join_one_by_one(now),
            Response::ERR_NOSUCHNICK
            | Response::ERR_CANNOTSENDTOCHAN
            | Response::ERR_NOTEXTTOSEND
            | Response::ERR_TOOMANYTARGETS
            | Response::ERR_NOTOPLEVEL
            | Response::ERR_CHANOPRIVSNEEDED => {
                self.on_send_error(now, &code, arguments, context);
                self.suspect_not_joined(now, argument(1));
            }
            Response::RPL_TRYAGAIN if ["PRIVMSG", "NOTICE"].contains(&argument(1)) => {
                self.on_send_error(now, &code, arguments, context);
            }
            Response::ERR_NOSUCHCHANNEL
            | Response::ERR_TOOMANYCHANNELS
            | Response::ERR_UNAVAILRESOURCE
            | Response::ERR_CHANNELISFULL
            | Response::ERR_INVITEONLYCHAN
            | Response::ERR_BANNEDFROMCHAN
            | Response::ERR_BADCHANNELKEY
            | Response::ERR_BADCHANMASK => {
                self.on_send_error(now, &code, arguments, context);
                self.on_join_error(now, &code, arguments);
            }
            // To a member, it means that only users with an account can speak.
            Response::ERR_NOCHANMODES if self.channels.is_joined(argument(1)) => {
                self.on_send_error(now, &code, arguments, context);
            }
            Response::ERR_NOCHANMODES | Response::ERR_UNIQOPPRIVSNEEDED => {
                self.on_join_error(now, &code, arguments);
            }
            _ => {}
        }
    }

    pub(super) fn on_server_version(&mut self, server: &str, version: &str) {
        self.server = Some((server.to_owned(), version.to_owned()));
        self.nickserv.at(server);
        self.pacer.set_version(version);
    }
}
