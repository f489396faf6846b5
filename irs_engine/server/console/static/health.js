export async function enter(place) { place.textContent = "soon"; }
