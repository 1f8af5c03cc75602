//! Whether each text of a page is legible.

/// The lowest contrast of a text with what is behind it, and the text. At least 4.5 is legible for most people.
pub(crate) const LOWEST_CONTRAST: &str = "(() => {
    const parts = (color) => color.match(/[\\d.]+/g).map(Number);
    const light = (color) => {
        const [r, g, b] = parts(color).slice(0, 3).map((it) => it / 255)
            .map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        for (let it = element; it; it = it.parentElement) {
            const color = getComputedStyle(it).backgroundColor;
            if ((parts(color)[3] ?? 1) === 1) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    const texts = [...document.querySelectorAll('body *')].filter((it) => it.checkVisibility()
        && (it.tagName === 'INPUT' || [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim())));
    return texts.map((it) => {
        const [a, b] = [light(getComputedStyle(it).color), light(behind(it))];
        return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), it.textContent.slice(0, 80)];
    }).reduce((low, it) => it[0] < low[0] ? it : low, [21, '']);
})()";
