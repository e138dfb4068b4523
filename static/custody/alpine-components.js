// The Alpine components of our templates. It is loaded before Alpine starts, so that templates can name them.
"use strict";

document.addEventListener("alpine:init", () => {
  // `openModal` belongs to unfold's page component, which surrounds the modal and everything in it.
  window.Alpine.data("dialog", () => ({
    open() {
      this.openModal = true;
    },
    close() {
      this.openModal = false;
    },
  }));

  window.Alpine.data("sidebar", () => ({
    toggleDesktop() {
      this.sidebarDesktopOpen = !this.sidebarDesktopOpen;
    },
    toggleMobile() {
      this.sidebarMobileOpen = !this.sidebarMobileOpen;
    },
  }));
});
