// Where pictures come from: dropped, pasted, chosen.

// `take(file)` gets each one; `listening()` says whether the page waits for any just now.
export function listenForPictures(stage, input, button, take, listening) {
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (input.files.length) take(input.files[0]);
    input.value = ""; // the same file may be chosen again
  });

  // Dropped beside the stage it would be opened in place of the page: all of the page takes it.
  let inside = 0;
  const carriesFile = (event) => listening() && event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (carriesFile(event) && ++inside) stage.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (carriesFile(event) && --inside <= 0) stage.classList.remove("over");
  });
  addEventListener("dragover", (event) => {
    if (carriesFile(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    inside = 0;
    stage.classList.remove("over");
    if (!carriesFile(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  });

  addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (!file || !listening()) return;
    event.preventDefault();
    take(file);
  });
}
