import { strict as assert } from "node:assert";
import { test } from "node:test";

import { isEmojiOnly, mentions, safeHref, tokens } from "./links.js";

const links = (text) => tokens(text).filter((t) => t.href).map((t) => t.text);

test("addresses in a sentence", () => {
	const cases = [
		["see https://example.com.", ["https://example.com"]],
		["(https://example.com/a_(b))", ["https://example.com/a_(b)"]],
		["https://example.com/?q=a&b=c#d, and http://x.test!", ["https://example.com/?q=a&b=c#d", "http://x.test"]],
		["write to mailto:a@b.test", ["mailto:a@b.test"]],
		["HTTPS://EXAMPLE.COM/Path", ["HTTPS://EXAMPLE.COM/Path"]],
		["«https://example.com»", ["https://example.com"]],
		["no link: example.com, www.example.com, ftp://x.test", []],
		["https://", []],
		["https://münchen.test/ä", ["https://münchen.test/ä"]],
	];
	for (const [text, want] of cases) assert.deepEqual(links(text), want, text);
});

test("nothing but http, https and mailto becomes a link", () => {
	for (const bad of [
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "data:text/html,<script>", "vbscript:x", "file:///etc/passwd",
		"blob:https://x.test/1", "https://good.test@evil.test/", "https://user:pass@evil.test", "//evil.test", "/path", "mailto:", "about:blank", "",
	]) {
		assert.equal(safeHref(bad), null, bad);
		assert.deepEqual(links(`look ${bad} here`), [], bad);
	}
	assert.equal(safeHref("https://example.com/ a"), "https://example.com/%20a");
});

test("the parts joined are the text", () => {
	for (const text of ["", "a", "https://a.test https://b.test", "@carlos https://a.test/@carlos.", "<b>https://x.test</b>", "\u0000\u202e", "😀".repeat(50)]) {
		assert.equal(tokens(text, "carlos").map((t) => t.text).join(""), text);
	}
});

test("a flood of addresses does not become a flood of links, nor take long", () => {
	const text = "https://a.test/ ".repeat(1000);
	const began = Date.now();
	assert.equal(links(text).length, 100);
	tokens("https://" + "a)".repeat(8000), "x");
	tokens("@".repeat(16000), "@");
	tokens("https://x.test/" + "(".repeat(8000) + ")".repeat(8000));
	tokens("https://x.test/" + ")".repeat(16000));
	assert.ok(Date.now() - began < 1000);
});

test("mentions of a name are whole words", () => {
	const hit = (text) => tokens(text, "carlos").filter((t) => t.mention).map((t) => t.text);
	assert.deepEqual(hit("@carlos, @Carlos!"), ["@carlos", "@Carlos"]);
	assert.deepEqual(hit("@carlos2 x@carlos @carlosa @@carlos"), []);
	assert.equal(mentions("hey @carlos", "carlos"), true);
	assert.equal(mentions("hey carlos", "carlos"), false);
	assert.equal(mentions("hey @anything", ""), false);
	assert.equal(mentions("hi @a.*(", "a.*("), true); // names are not patterns
});

test("a few emoji alone are shown bigger", () => {
	for (const yes of ["🎉", "👍🏽 🙌", "👩‍👩‍👧‍👦", "🇩🇪", "❤️❤️❤️", "1️⃣"]) assert.equal(isEmojiOnly(yes), true, yes);
	for (const no of ["", " ", "a", "1", "#", "12", "🎉 hi", "🎉🎉🎉🎉", "🎉".repeat(1000)]) assert.equal(isEmojiOnly(no), false, no);
});

test("mentions of others are told from one's own", () => {
	assert.deepEqual(tokens("hi @Ann-Marie and @ann, @me!", "me", ["ann", "Ann-Marie", ""]), [
		{ text: "hi " }, { text: "@Ann-Marie", other: true }, { text: " and " }, { text: "@ann", other: true }, { text: ", " }, { text: "@me", mention: true }, { text: "!" },
	]);
	assert.deepEqual(tokens("@(.*) @x", "", ["(.*)"]), [{ text: "@(.*)", other: true }, { text: " @x" }]);
});
