// @ts-check

import { titleOf } from "../room.js";
import { userCard } from "./card.js";
import { newRoomDialog } from "./dialogs.js";
import { membersDialog } from "./members.js";
import { avatar, roomIcon } from "./parts.js";
import { openPicker } from "./picker.js";
import { toast } from "./toast.js";

const MOST = 200; // rooms offered at once; one types to find others

/**
 * The ways to rooms and people: dialogs in which one is made, found, or let in.
 * @param {{auth: import("../auth.js").Auth, store: import("../store.js").Store, session: import("../session.js").ChatSession,
 *   go: (room: string) => void, orToast: <T>(promise: Promise<T>) => Promise<T|undefined>}} o go opens a room
 */
export function ways({ auth, store, session, go, orToast }) {
	/** @param {string} name @param {string} query */
	const fits = (name, query) => name.toLowerCase().includes(query.toLowerCase());

	/** @param {string} query */
	const people = async (query) => (await auth.users(query))
		.sort((a, b) => Number(a.id === store.me.id) - Number(b.id === store.me.id)) // myself last
		.map((u) => ({ key: u.id, title: u.name, detail: u.id === store.me.id ? "Yourself: notes only you see" : undefined, picture: avatar(u, "s") }));

	/** A direct chat with somebody. @param {import("../gochat.js").User} user */
	async function talk(user) {
		const id = await orToast(session.direct(user.id));
		if (id) go(id);
	}

	/** @param {import("../room.js").Room} room */
	function invite(room) {
		openPicker({
			title: "Invite somebody",
			placeholder: "Find somebody",
			empty: "Nobody has this name.",
			find: async (query) => (await people(query)).filter((p) => p.key !== store.me.id),
			pick: async ({ key, title }) => {
				await session.invite(room.id, key);
				toast(`${title} was invited.`);
			},
		});
	}

	return {
		newRoom() {
			newRoomDialog({
				create: (name, kind) => session.createRoom(name, kind),
				discard: (id) => session.discard(id),
				online: () => store.conn.name === "online",
				created: go,
			});
		},

		browse() {
			session.refresh();
			openPicker({
				title: "Browse public rooms",
				placeholder: "Find a room",
				empty: "No public room has this name.",
				find: (query) => [...store.open, ...store.mine.filter((r) => r.kind === "public")]
					.filter((r) => fits(r.name, query))
					.slice(0, MOST)
					.map((r) => ({ key: r.id, title: r.name, detail: r.mine ? "You are in" : undefined, picture: roomIcon(r), action: r.mine ? "Open" : "Join" })),
				pick: async ({ key }) => {
					if (!store.rooms.get(key)?.mine) await session.join(key);
					go(key);
				},
			});
		},

		direct() {
			openPicker({
				title: "New direct message",
				placeholder: "Find somebody",
				empty: "Nobody has this name.",
				find: people,
				pick: async ({ key }) => go(await session.direct(key)),
			});
		},

		jump() {
			openPicker({
				title: "Jump to",
				placeholder: "Room or person",
				empty: "Nothing found.",
				find: (query) => [...store.mine, ...store.open]
					.filter((r) => fits(titleOf(r, store.me), query))
					.sort((a, b) => b.unread - a.unread)
					.slice(0, 50)
					.map((r) => ({
						key: r.id, title: titleOf(r, store.me), picture: r.kind === "direct" ? avatar(r.peer ?? { id: r.id, name: "?" }, "s") : roomIcon(r),
						detail: r.unread > 0 ? `${r.unread} unread` : r.mine ? undefined : "Not joined",
					})),
				pick: ({ key }) => go(key),
			});
		},

		members() {
			const { room } = store;
			if (room) membersDialog({ room, title: titleOf(room, store.me), session, onInvite: () => invite(room), onDirect: talk });
		},

		/** Who somebody is. @param {import("../gochat.js").User} user @param {HTMLElement} beside @param {() => void} mention */
		card(user, beside, mention) {
			const { room } = store;
			userCard(beside, {
				user, self: user.id === store.me.id, online: store.people.online.get(user.id), onMessage: () => void talk(user),
				onMention: room?.mine && !room.archived && room.kind !== "direct" ? mention : null,
			});
		},
	};
}
