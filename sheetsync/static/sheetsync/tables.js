// A table that is wider than its place is scrolled by keyboard, too: its frame can be focused, and says what it holds.
"use strict";

(() => {
    const look = (frame) => {
        if (frame.scrollWidth > frame.clientWidth) {
            const heads = [...frame.querySelectorAll("th")].map((head) => head.textContent.trim()).filter(Boolean);
            frame.tabIndex = 0;
            frame.setAttribute("role", "group");
            frame.setAttribute("aria-label", heads.slice(0, 4).join(", ") || "Table");
        } else {
            frame.removeAttribute("tabindex");
            frame.removeAttribute("role");
            frame.removeAttribute("aria-label");
        }
    };
    document.addEventListener("DOMContentLoaded", () => {
        const seen = new ResizeObserver((entries) => entries.forEach((entry) => look(entry.target)));
        document.querySelectorAll(".desk-table-frame, .desk-graph-frame").forEach((frame) => {
            look(frame);
            seen.observe(frame);
        });
        // Inside a fold a table has no width until it is opened.
        document.addEventListener("toggle", () => document.querySelectorAll(".desk-table-frame").forEach(look), true);
    });
})();
