// FlorisBoard's glide typing by edgectc: put this file beside GlideTypingClassifier.kt. docs/keyboards.md says what else.
package dev.patrickgold.florisboard.ime.text.gestures

import dev.patrickgold.florisboard.ime.core.Subtype
import dev.patrickgold.florisboard.ime.text.keyboard.TextKey
import org.edgectc.EdgectcException
import org.edgectc.Key
import org.edgectc.Keyboard

/**
 * Points in, words out. What fails leaves glide typing without suggestions, and all else as it was.
 *
 * @param keyboardOf returns a keyboard over the files of a subtype's language, null where there are none
 * @param before returns the text before the cursor, or the last [BEFORE] characters of it
 * @param now returns the time in milliseconds, as `SystemClock.uptimeMillis`: positions come without theirs
 */
class EdgectcGlideClassifier(
    private val keyboardOf: (Subtype) -> Keyboard?,
    private val before: () -> CharSequence,
    private val now: () -> Long
) : GlideTypingClassifier {
    private val points = ArrayList<Double>() // x, y and the time of each in turn
    private var keys = emptyList<Key>()
    private var subtype: Subtype? = null
    private var keyboard: Keyboard? = null

    /** Whether there are words, and keys that they can be swiped on. */
    @get:Synchronized
    var ready = false
        private set

    @Synchronized
    override fun addGesturePoint(position: GlideTypingGesture.Detector.Position) = add(position, now().toDouble())

    @Synchronized
    override fun setLayout(keyViews: List<TextKey>, subtype: Subtype) {
        keys = keyViews.filter { it.isVisible }.map { view ->
            val code = Character.toLowerCase(view.computedData.code) // shift makes capitals of them
            val bounds = view.touchBounds
            Key(
                if (code > 0 && Character.isLetter(code)) code else 0,
                bounds.left.toDouble(), bounds.top.toDouble(), bounds.width.toDouble(), bounds.height.toDouble()
            )
        }
        use(subtype)
    }

    @Synchronized
    override fun setWordData(subtype: Subtype) = use(subtype)

    @Synchronized
    override fun initGestureFromPointerData(pointerData: GlideTypingGesture.Detector.PointerData) {
        val positions = pointerData.positions
        val took = (now() - pointerData.startTime).coerceAtLeast(0L).toDouble()
        points.clear()
        positions.forEachIndexed { i, position -> add(position, took * i / positions.size.coerceAtLeast(1)) }
    }

    @Synchronized
    override fun getSuggestions(maxSuggestionCount: Int, gestureCompleted: Boolean): List<CharSequence> {
        val held = keyboard
        if (!ready || held == null || maxSuggestionCount < 1) return emptyList()
        val path = points.toDoubleArray()
        return try {
            val text = before().toString()
            held.before(text.takeLast(BEFORE), text.length < BEFORE)
            val words = if (gestureCompleted) held.swipe(path, maxSuggestionCount) else held.moving(path, maxSuggestionCount)
            words.map { it.text }
        } catch (refused: EdgectcException) {
            emptyList() // refused.reason says why, such as points that are no swipe
        }
    }

    @Synchronized
    override fun clear() = points.clear()

    private fun add(position: GlideTypingGesture.Detector.Position, time: Double) {
        points.add(position.x.toDouble())
        points.add(position.y.toDouble())
        points.add(time)
    }

    /** Takes the words of a subtype, if they are others than now, and lays them on the keys. */
    private fun use(subtype: Subtype) {
        if (subtype != this.subtype) {
            keyboard?.close()
            keyboard = keyboardOf(subtype)
            this.subtype = subtype
        }
        val held = keyboard
        ready = held != null && keys.isNotEmpty() && try {
            held.place(keys)
            true
        } catch (refused: EdgectcException) {
            false // a page of signs, or another alphabet
        }
    }

    companion object {
        /** Characters before the cursor that are looked at. */
        const val BEFORE = 256
    }
}
