// Package webhook lets a program in any language answer commands over HTTP,
// without a broker.
//
// # The chat's side
//
// A [Webhook] is a [command.Handler] that posts each call to one address. It
// stands wherever a handler does, in the chat's process by a router or in a bot
// that runs behind a broker:
//
//	deploy, err := webhook.New("https://ci.example/gochat", secret, nil)
//
//	var router command.Router
//	router.Handle(command.Spec{Bot: "ci", Name: "deploy", Usage: "/deploy <version>"}, deploy)
//
// # What is posted
//
// A JSON object; text is what follows the command's name, timeout_ms the time
// that is left to answer, and id is the same when a call comes again:
//
//	{"v":1, "id":"…", "attempt":1, "bot":"ci", "command":"deploy", "text":"1.4", "line":"/deploy 1.4",
//	 "timeout_ms":10000, "room":{"id":"r1","name":"general","kind":"public"},
//	 "user":{"id":"u1","name":"Ana","role":"member"}}
//
// and two headers, by which the receiver knows that the chat sent it:
//
//	X-Gochat-Timestamp: 1767355200          seconds since 1970
//	X-Gochat-Signature: v1=<hex>            HMAC-SHA256 with the secret
//
// What is signed is "v1:", the timestamp, ":" and the body, byte for byte. A
// receiver compares in constant time and refuses timestamps that are more than
// five minutes off. Within these minutes somebody who has seen a request can
// send it again: a command with side effects does them once for each id.
//
// # What is answered
//
// Status 200 and JSON with the members text and response_type that the answers
// to slash commands have in Slack and Mattermost. Without response_type, or with
// "ephemeral", only the caller sees the text; "in_channel" is for the room.
// extra_responses are further parts. No text, {} or an empty body is silence.
// Other members are ignored:
//
//	{"response_type":"in_channel", "text":"Deploys 1.4.",
//	 "extra_responses":[{"text":"It was you who asked."}]}
//
// text/plain is taken as text for the caller. An error, which only the caller
// sees, is a member of our own, see [command.Error]:
//
//	{"error":{"code":"usage", "message":"version is missing."}}
//
// # The receiver's side
//
// In Go that is [NewHandler], which makes an http.Handler of a bot, or [Verify] for
// who wants to read the request himself. A receiver in another language checks
// the two headers and answers; the above is all there is to know, and
// testdata/bot.mjs is one in JavaScript.
package webhook
