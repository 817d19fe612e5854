package dev.patrickgold.florisboard.ime.text.keyboard

class FlorisRect(val left: Float, val top: Float, val width: Float, val height: Float)

class KeyData(val code: Int)

class TextKey(val computedData: KeyData, val touchBounds: FlorisRect, val isVisible: Boolean = true)
