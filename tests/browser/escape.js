// Tries the ways out that a page has, each to its own listener, and says which were blocked.
(async () => {
  const listeners = LISTENERS;
  const blocked = [];
  document.addEventListener("securitypolicyviolation", (event) => blocked.push(event.effectiveDirective));
  const add = (tag, attributes) => document.body.append(Object.assign(document.createElement(tag), attributes));
  const ways = {
    fetch: (url) => fetch(url, { mode: "no-cors" }).catch(() => {}),
    beacon: (url) => navigator.sendBeacon(url, "all"),
    socket: (url) => new WebSocket(url.replace("http", "ws")),
    events: (url) => new EventSource(url),
    image: (url) => add("img", { src: url }),
    style: (url) => add("link", { rel: "stylesheet", href: url }),
    font: (url) => new FontFace("thief", `url(${url})`).load().catch(() => {}),
    background: (url) => document.body.setAttribute("style", `background: url(${url})`),
    script: (url) => add("script", { src: url }),
    inline: (url) => add("script", { textContent: `location = "${url}"` }),
    markup: (url) => document.body.insertAdjacentHTML("beforeend", `<img src="${url}">`),
    handler: (url) => document.body.setAttribute("onclick", `location = "${url}"`),
    frame: (url) => add("iframe", { src: url }),
    object: (url) => add("object", { data: url }),
    video: (url) => add("video", { src: url }),
    worker: (url) => new Worker(url),
    form: (url) => {
      add("form", { action: url, id: "form" });
      document.getElementById("form").submit();
    },
  };
  for (const [way, url] of Object.entries(listeners)) {
    try {
      ways[way](url);
    } catch {
      // As it should be.
    }
  }
  document.body.click();
  await new Promise((done) => setTimeout(done, 700));
  return { ways: Object.keys(ways), blocked: [...new Set(blocked)].sort() };
})()
