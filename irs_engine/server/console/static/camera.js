// A picture from the camera. The button shows itself only where a browser gives pages a camera.

import { dialog, el, problem } from "./dom.js";

export function openCamera(button, take) {
  if (!navigator.mediaDevices?.getUserMedia) return;
  button.hidden = false;
  button.addEventListener("click", () => show(take));
}

async function show(take) {
  const video = el("video", { autoplay: true, playsinline: true, "aria-label": "What the camera sees" });
  video.muted = true;
  const shoot = el("button", { type: "button", class: "primary", disabled: true }, "Take the picture");
  let stream = null;
  const box = dialog("Camera", (close) => {
    const place = el("div", {}, video);
    shoot.addEventListener("click", async () => {
      const blob = await frame(video);
      close();
      take(new File([blob], "camera.jpg", { type: blob.type }));
    });
    open(place);
    return [place, el("div", { class: "buttons" }, el("button", { type: "button", onclick: close }, "Cancel"), shoot)];
  });
  box.addEventListener("close", () => stream?.getTracks().forEach((track) => track.stop()));

  async function open(place) {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1920 } } });
      video.srcObject = stream;
      await video.play();
      shoot.disabled = false;
      shoot.focus();
    } catch (error) {
      const refused = error.name === "NotAllowedError";
      place.replaceChildren(problem(new Error(refused ? "The browser was not allowed to use the camera." : "There is no camera that can be used.")));
    }
  }
}

function frame(video) {
  const canvas = el("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
}
