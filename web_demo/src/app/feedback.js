// What a finger feels and hears of a key, where the user wants it and the browser can.

const BUZZ_MS = 10;
const CLICK_S = 0.02;

export class Feedback {
  /** @param {import("./settings.js").Settings} settings */
  constructor(settings) {
    this.settings = settings;
    /** @type {AudioContext | null} */ this.audio = null;
  }

  /** A key went down. */
  key() {
    if (this.settings.is("haptics")) navigator.vibrate?.(BUZZ_MS);
    if (this.settings.is("sound")) this.#click();
  }

  #click() {
    this.audio ??= new AudioContext(); // browsers allow it once a finger was down
    const { audio } = this;
    const [wave, volume] = [audio.createOscillator(), audio.createGain()];
    wave.type = "triangle";
    wave.frequency.value = 320;
    volume.gain.setValueAtTime(0.12, audio.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + CLICK_S);
    wave.connect(volume).connect(audio.destination);
    wave.start();
    wave.stop(audio.currentTime + CLICK_S);
  }
}
