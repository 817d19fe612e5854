package dev.patrickgold.florisboard.ime.text.gestures

import dev.patrickgold.florisboard.ime.core.Subtype
import dev.patrickgold.florisboard.ime.text.keyboard.TextKey

class GlideTypingGesture {
    class Detector {
        data class PointerData(val positions: MutableList<Position>, var startTime: Long)

        data class Position(val x: Float, val y: Float)
    }
}

interface GlideTypingClassifier {
    fun addGesturePoint(position: GlideTypingGesture.Detector.Position)

    fun setLayout(keyViews: List<TextKey>, subtype: Subtype)

    fun setWordData(subtype: Subtype)

    fun initGestureFromPointerData(pointerData: GlideTypingGesture.Detector.PointerData)

    fun getSuggestions(maxSuggestionCount: Int, gestureCompleted: Boolean): List<CharSequence>

    fun clear()
}
