// What restore.sh asks of the database, for mongosh and for the older mongo. It expects `letsbridge` (the action, the
// address, the directory) and `letsbridgeImport` (what was written).
(function () {
  var database = connect(letsbridge.uri);
  var written = letsbridgeImport;
  var INDEX = { room: 1, posted: -1 };
  var BATCH = 1000;
  var problems = 0;

  function problem(text) {
    problems += 1;
    print("PROBLEM: " + text);
  }

  function counted(number, what) {
    return number + " " + what + (number === 1 ? "" : "s");
  }

  function hex(id) {
    var found = /[0-9a-f]{24}/.exec(String(id));
    return found ? found[0] : "";
  }

  function read(file) {
    var path = letsbridge.directory + "/" + file;
    if (typeof require === "function") {
      return require("fs").readFileSync(path, "utf8");
    }
    return cat(path);
  }

  function count(collection, query) {
    return collection.countDocuments ? collection.countDocuments(query) : collection.count(query);
  }

  function remove(collection, query) {
    if (collection.deleteMany) {
      return Number(collection.deleteMany(query).deletedCount);
    }
    return Number(collection.remove(query).nRemoved);
  }

  function change(collection, query, update) {
    if (collection.updateOne) {
      collection.updateOne(query, update);
    } else {
      collection.update(query, update);
    }
  }

  function fourDigits(number) {
    return ("000" + number).slice(-4);
  }

  // Multiplies modulo 2^32; shells before MongoDB 3.2 have no Math.imul.
  function multiply(a, b) {
    if (Math.imul) {
      return Math.imul(a, b);
    }
    return ((a & 65535) * b + (((((a >>> 16) & 65535) * b) & 65535) << 16)) | 0;
  }

  // A check sum (FNV-1a) of the characters of a text, as restore.sh's lists of ids have it.
  function checkSum(text) {
    var sum = 2166136261;
    for (var at = 0; at < text.length; at += 1) {
      sum = multiply(sum ^ text.charCodeAt(at), 16777619);
    }
    return sum >>> 0;
  }

  // Compares the messages of a room with the database, and tells `each` the ids of a batch that are there unchanged.
  function compare(room, each) {
    var result = { there: 0, changed: 0, missing: 0 };
    for (var number = 1; number <= room.idFiles; number += 1) {
      var lines = read(room.folder + "/ids-" + fourDigits(number) + ".txt").split("\n");
      for (var at = 0; at < lines.length; at += BATCH) {
        compareBatch(room, lines.slice(at, at + BATCH), result, each);
      }
    }
    return result;
  }

  function compareBatch(room, lines, result, each) {
    var expected = {};
    var ids = [];
    for (var at = 0; at < lines.length; at += 1) {
      var fields = lines[at].split(" ");
      if (fields.length === 3) {
        expected[fields[0]] = { owner: fields[1], sum: Number(fields[2]) };
        ids.push(ObjectId(fields[0]));
      }
    }
    if (ids.length === 0) {
      return;
    }
    var unchanged = [];
    var found = database.messages.find({ _id: { $in: ids } }, { owner: 1, room: 1, text: 1 }).toArray();
    for (var next = 0; next < found.length; next += 1) {
      var message = found[next];
      var was = expected[hex(message._id)];
      var same =
        hex(message.owner) === was.owner && hex(message.room) === room.id && checkSum(String(message.text)) === was.sum;
      if (same) {
        unchanged.push(message._id);
      }
    }
    result.there += found.length;
    result.changed += found.length - unchanged.length;
    result.missing += ids.length - found.length;
    if (each && unchanged.length > 0) {
      each(unchanged);
    }
  }

  // Whether an account is as it was written: nobody has taken it over.
  function isUnchanged(account, user) {
    return (
      user.provider === "irc" &&
      user.password === undefined &&
      user.token === undefined &&
      user.username === account.username &&
      user.email === account.email
    );
  }

  function findUser(id) {
    return database.users.findOne({ _id: ObjectId(id) });
  }

  function checkRooms() {
    written.rooms.forEach(function (room) {
      var found = database.rooms.findOne({ _id: ObjectId(room.id) });
      if (!found) {
        problem("there is no room " + room.slug + " with the id " + room.id + ": is this the database of " + written.letschat + "?");
      } else if (found.archived) {
        problem("the room " + room.slug + " is archived: nobody could read its history");
      }
    });
  }

  function checkOwners() {
    written.owners.forEach(function (id) {
      if (!findUser(id)) {
        problem("there is no account " + id + ", whose messages were written: they would be shown as [Deleted User]");
      }
    });
  }

  // The accounts that are not there yet.
  function missingAccounts() {
    return written.accounts.filter(function (account) {
      if (findUser(account.id)) {
        return false;
      }
      var other = database.users.findOne({ $or: [{ username: account.username }, { email: account.email }] });
      if (other) {
        problem(
          "the user name " + account.username + " or the mail address " + account.email + " belongs to another account (" +
            hex(other._id) + "): choose another one in the plan, and write again"
        );
      }
      if (account.uid && database.users.findOne({ uid: account.uid })) {
        problem("the uid " + account.uid + " belongs to another account: name that account in the plan, and write again");
      }
      return true;
    });
  }

  // Those who may read a room and are not let in yet; nothing if everybody may.
  function missingParticipants(room, found) {
    var there = {};
    (found.participants || []).forEach(function (id) {
      there[hex(id)] = true;
    });
    return (room.participants || []).filter(function (id) {
      return !there[id] && id !== hex(found.owner);
    });
  }

  // Before the messages are there, so that nobody else ever sees them. `apply` is false where nothing may be changed.
  function closeRooms(apply) {
    written.rooms.forEach(function (room) {
      var found = database.rooms.findOne({ _id: ObjectId(room.id) });
      if (!room.participants || !found) {
        return;
      }
      var foreign = count(database.messages, { room: found._id });
      if (!found.private && foreign > 0) {
        problem(
          "everybody can read the room " + room.slug + ", and it has messages already: name another room in the plan, and write again"
        );
        return;
      }
      var missing = missingParticipants(room, found);
      if (found.private && missing.length === 0) {
        return;
      }
      print(room.slug + ": only participants can read it; " + missing.length + (apply ? " are let in" : " would be let in"));
      if (apply) {
        var participants = (found.participants || []).concat(missing.map(function (id) { return ObjectId(id); }));
        change(database.rooms, { _id: found._id }, { $set: { private: true, participants: participants } });
      }
    });
  }

  function checkClosed() {
    written.rooms.forEach(function (room) {
      var found = database.rooms.findOne({ _id: ObjectId(room.id) });
      if (!room.participants || !found) {
        return;
      }
      if (!found.private) {
        problem("everybody can read the room " + room.slug + ": run \"sh restore.sh undo\", then \"sh restore.sh restore\"");
      }
      var missing = missingParticipants(room, found).length;
      if (missing > 0) {
        print("warning: " + missing + " of the participants of " + room.slug + " cannot read it");
      }
    });
  }

  function isIndexed() {
    return database.messages.getIndexes().some(function (index) {
      return index.key.room === 1 && index.key.posted === -1 && Object.keys(index.key)[0] === "room";
    });
  }

  function describe(room, state) {
    var text = room.slug + ": " + state.there + " of " + room.messages + " messages are there";
    if (state.changed > 0) {
      text += ", " + state.changed + " of them changed since";
    }
    return text;
  }

  // What is missing; `tell` gets the files to restore.
  function before(tell) {
    print("MongoDB " + database.version() + ", database " + database.getName());
    written.warnings.forEach(function (text) {
      print("warning: " + text);
    });
    checkRooms();
    checkOwners();
    var accounts = missingAccounts();
    print(written.accounts.length - accounts.length + " of " + written.accounts.length + " accounts are there");
    if (accounts.length > 0) {
      tell("users", "users");
    }
    written.rooms.forEach(function (room) {
      var state = compare(room);
      print(describe(room, state));
      if (state.missing > 0) {
        tell(room.folder, "messages");
      }
    });
    // Not where restoring is refused.
    closeRooms(letsbridge.action === "before" && problems === 0);
  }

  function index() {
    if (!isIndexed()) {
      print("making the index of messages by room and time …");
      database.messages.createIndex(INDEX, { background: true });
    }
  }

  // A room that was made for the history begins with it. Once somebody has spoken there, it is theirs.
  function setTimes(room) {
    if (!room.isNew) {
      return;
    }
    var found = database.rooms.findOne({ _id: ObjectId(room.id) });
    if (!found || !found.created || Number(found.created) <= room.first) {
      return;
    }
    var times = { created: new Date(room.first) };
    if (Number(found.lastActive) === Number(found.created)) {
      times.lastActive = new Date(room.last);
    }
    change(database.rooms, { _id: found._id, lastActive: found.lastActive }, { $set: times });
  }

  function check() {
    checkRooms();
    checkOwners();
    written.accounts.forEach(function (account) {
      if (!findUser(account.id)) {
        problem("the account " + account.username + " is missing");
      }
    });
    written.rooms.forEach(function (room) {
      var state = compare(room);
      print(describe(room, state));
      if (state.missing > 0) {
        problem(state.missing + " messages of " + room.slug + " are missing");
      }
    });
    checkClosed();
    if (!isIndexed()) {
      problem("there is no index of messages by room and time: run \"sh restore.sh restore\"");
    }
    print(problems === 0 ? "Everything is there." : counted(problems, "problem"));
  }

  function undo() {
    written.rooms.forEach(function (room) {
      var removed = 0;
      var state = compare(room, function (ids) {
        removed += remove(database.messages, { _id: { $in: ids }, room: ObjectId(room.id) });
      });
      print(room.slug + ": " + removed + " messages removed, " + state.changed + " kept that were changed since");
      if (room.isNew && count(database.messages, { room: ObjectId(room.id) }) === 0) {
        print(room.slug + ": the room was made for the history and is empty: archive it in Let's Chat");
      }
    });
    undoAccounts();
    print("The index of messages by room and time stays. To remove it: db.messages.dropIndex(\"room_1_posted_-1\")");
  }

  // Accounts that nobody uses are let out again: they are removed.
  function undoParticipants() {
    var unused = written.accounts.filter(function (account) {
      var user = findUser(account.id);
      return user && isUnchanged(account, user);
    });
    written.rooms.forEach(function (room) {
      if (room.participants) {
        var ids = unused.map(function (account) { return ObjectId(account.id); });
        change(database.rooms, { _id: ObjectId(room.id) }, { $pullAll: { participants: ids } });
      }
    });
  }

  function undoAccounts() {
    undoParticipants();
    var ids = written.accounts.map(function (account) {
      return ObjectId(account.id);
    });
    var used = {};
    [
      database.messages.distinct("owner", { owner: { $in: ids } }),
      database.rooms.distinct("owner", { owner: { $in: ids } }),
      database.rooms.distinct("participants", { participants: { $in: ids } }),
    ].forEach(function (list) {
      list.forEach(function (id) {
        used[hex(id)] = true;
      });
    });
    var removed = 0;
    written.accounts.forEach(function (account) {
      var user = findUser(account.id);
      if (user && !used[account.id] && isUnchanged(account, user)) {
        removed += remove(database.users, { _id: user._id, provider: "irc" });
      } else if (user) {
        print("the account " + account.username + " stays: somebody uses it, or it has other messages");
      }
    });
    print(counted(removed, "account") + " removed");
  }

  if (letsbridge.action === "before") {
    before(function (folder, collection) {
      print("RESTORE " + folder + " " + collection);
    });
  } else if (letsbridge.action === "dry-run") {
    before(function (folder, collection) {
      print("would restore " + folder + "/" + collection + ".bson");
    });
    print(isIndexed() ? "the index by room and time is there" : "would make the index {room: 1, posted: -1}");
    print("Nothing was changed.");
  } else if (letsbridge.action === "after") {
    index();
    written.rooms.forEach(setTimes);
    check();
  } else if (letsbridge.action === "check") {
    check();
  } else {
    undo();
  }
  quit(problems === 0 ? 0 : 1);
})();
