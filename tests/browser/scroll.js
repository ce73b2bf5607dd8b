// Scrolls from one corner to the other as fast as frames come, and says how that went.
(async () => {
  const grid = document.querySelector("#grid");
  grid.scrollIntoView({ block: "center" });
  const frame = () => new Promise(requestAnimationFrame);
  const box = grid.getBoundingClientRect();
  const [x, y] = [box.left + box.width * 0.6, box.top + box.height * 0.6];
  const frames = [];
  let blank = 0;
  const steps = 60;
  let before = await frame();
  for (let step = 1; step <= steps; step += 1) {
    grid.scrollTop = (grid.scrollHeight * step) / steps;
    grid.scrollLeft = (grid.scrollWidth * step) / steps;
    // What has come into sight is drawn in the frame after.
    await frame();
    const now = await frame();
    frames.push((now - before) / 2);
    before = now;
    if (!document.elementFromPoint(x, y)?.closest(".cell")) blank += 1;
  }
  frames.sort((one, other) => one - other);
  await frame();
  const cells = [...grid.querySelectorAll(".cell")];
  const corner = cells.at(-1);
  const line = corner.closest(".line");
  const title = [...grid.querySelectorAll(".title")].at(-1).getBoundingClientRect();
  return {
    median: frames[steps / 2],
    worst: frames.at(-1),
    blank,
    elements: document.querySelectorAll("*").length,
    corner: [Number(line.ariaRowIndex), Number(corner.ariaColIndex)],
    stuck: [
      Math.abs(line.querySelector(".label").getBoundingClientRect().left - box.left) < 3,
      title.top - box.top < 3 && title.bottom <= corner.getBoundingClientRect().top,
    ],
  };
})()
