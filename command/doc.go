// Package command is for those who write bots: programs that answer slash
// commands in a chat.
//
// # Write one
//
// A [Bot] is a name and some commands. Each is described and handled in one
// place; its arguments are a struct:
//
//	bot := command.NewBot("greeter", nil)
//	command.Handle(bot, "greet", "Greets somebody", func(ctx context.Context, c *command.Call, a struct {
//		Name  string `cmd:"name,required" help:"who to greet"`
//		Times int    `cmd:"times" default:"1" min:"1" max:"3"`
//	}) error {
//		return c.Sayf("Hello, %s!", a.Name)
//	})
//
// That is all it needs for /help to list it, for a page to complete it, and for
// "/greet" alone to be answered by "name is missing" and the usage. [Handle]
// has the tags, [Parse] the form of a command line, [HandleSpec] timeouts and
// who may call. [Bot.Use] wraps all commands of a bot into middleware: [Log],
// [Recover], [Timeout], [Limit], [Roles] or your own.
//
// # Answer
//
// [Call.Say] is for everybody in the room, [Call.Ephemeral] for the caller
// alone, [Call.Progress] tells the caller how a long work goes. What was said
// becomes the answer when the handler returns nil, all of it or nothing. An
// [*Error], made by [Fail] or [Usage], is shown to the caller instead; any
// other error is logged and shown as bot_error without its text, so wrap what
// you like.
//
// A handler has the time of its [Spec], by default 10 seconds, and its context
// ends with it. Whatever a handler does, its caller gets exactly one outcome:
// answer, error, timeout or silence.
//
// # Mount it: fast
//
// A Bot is a [Handler]. Given to a chat, it runs in the chat's process:
//
//	node, err := chat.New(&chat.Options{Commands: bot})
//
// Several bots are one Handler by a [Router]. Commands that are quick and never
// fail for long belong here.
//
// # Or run it: queued
//
// The same value served from a queue, in this or any other process, on as many
// machines as you like:
//
//	err := bot.Run(ctx, broker)
//
// The chats find it by what it announces; nothing there is configured or
// restarted. A call whose process dies is delivered to another one, with the
// same [Call.ID]: a handler with side effects uses it to do them once. No bot
// running is an error that the caller gets at once.
//
// # Test it
//
// Package commandtest runs a command line with a bot, without broker or
// server:
//
//	r := commandtest.Run(t, bot, "/greet=Ana", nil)
//	// r.Public(0) == "Hello, Ana!"
//
// It also plays whole conversations from a file, and runs a bot behind a broker
// that repeats, delays and loses what it carries.
//
// # Without a broker, in any language
//
// Package webhook has a [Handler] that posts a call to another program, which
// answers in JSON, and the other program's side in Go.
//
// # What goes through the broker
//
// Package transport says what a broker promises. The bodies that it carries
// are JSON objects with a version, so bots can be written in any language. A
// receiver ignores fields that it does not know and refuses another version,
// duplicate keys and wrong types. Ids, the names of bot and store, and the time
// that is left travel beside the body, in the transport's own fields.
//
// A request, from chat to bot; args is what follows the command's name:
//
//	{"v":1, "name":"stock", "args":"aapl.us", "line":"/stock=aapl.us",
//	 "room":{"id":"r1","name":"general","kind":"public"},
//	 "user":{"id":"u1","name":"Ana","role":"member"}}
//
// A result, from bot to chat, which is either parts or an error or, with
// neither, silence. One that breaks a limit ([MaxParts], [MaxReplyBytes],
// [Call.Say]) is shown as bot_error:
//
//	{"v":1, "parts":[{"text":"for all"}, {"text":"for the caller","ephemeral":true}]}
//	{"v":1, "error":{"code":"usage","message":"symbol is missing."}}
//
// An announcement, of a running bot; all of a spec but its name is optional,
// see [Spec] and [Arg]:
//
//	{"v":1, "commands":[{"name":"stock", "summary":"Latest price",
//	 "usage":"/stock <symbol>", "timeout_ms":10000, "roles":["owner","admin"],
//	 "args":[{"name":"symbol","type":"string","required":true}]}]}
//
// Progress is an event, see [Progress].
//
// # The chat's side
//
// [Execute] runs one call with its deadline, [Remote] knows and calls the bots
// behind a broker, [Help] and [Unknown] answer what no bot does,
// [Complete] helps who is typing. A program that embeds the chat needs none of them.
package command
