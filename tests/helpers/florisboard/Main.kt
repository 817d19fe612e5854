// Main MODEL LEXICON LANGUAGE_MODEL < lines of "x y t_ms", in pixels of a board 1080 x 480
import dev.patrickgold.florisboard.ime.core.Subtype
import dev.patrickgold.florisboard.ime.text.gestures.EdgectcGlideClassifier
import dev.patrickgold.florisboard.ime.text.gestures.GlideTypingGesture.Detector.PointerData
import dev.patrickgold.florisboard.ime.text.gestures.GlideTypingGesture.Detector.Position
import dev.patrickgold.florisboard.ime.text.keyboard.FlorisRect
import dev.patrickgold.florisboard.ime.text.keyboard.KeyData
import dev.patrickgold.florisboard.ime.text.keyboard.TextKey
import java.io.File
import org.edgectc.Keyboard

fun main(args: Array<String>) {
    val (model, lexicon, languageModel) = args.map { File(it) }
    val points = generateSequence(::readLine).map { line -> line.split(" ").map { it.toDouble() } }.toList()
    val english = Subtype(1)
    var time = 0L
    var text = ""
    var opened = 0
    val classifier = EdgectcGlideClassifier(
        { if (it == english) Keyboard.open(model, lexicon, languageModel).also { opened++ } else null }, { text }, { time }
    )
    fun glide() = points.forEach { (x, y, t) ->
        time = t.toLong()
        classifier.addGesturePoint(Position(x.toFloat(), y.toFloat()))
    }
    fun show(name: String, completed: Boolean = true) =
        println("$name: " + classifier.getSuggestions(5, completed).joinToString(" "))

    glide()
    show("too early")
    classifier.clear()
    classifier.setWordData(english)
    println("without keys: ${classifier.ready}")
    val rows = listOf("QWERTYUIOP" to 0, "asdfghjkl" to 54, "zxcvbnm" to 162)
    val letters = rows.withIndex().flatMap { (y, row) ->
        row.first.mapIndexed { i, c -> TextKey(KeyData(c.toInt()), FlorisRect(row.second + 108f * i, 160f * y, 108f, 160f)) }
    }
    val shift = TextKey(KeyData(-11), FlorisRect(0f, 320f, 162f, 160f))
    val gone = TextKey(KeyData('q'.toInt()), FlorisRect(0f, 0f, 1f, 1f), isVisible = false)
    classifier.setLayout(letters + shift + gone, english)
    println("with keys: ${classifier.ready}")
    glide()
    show("moving", completed = false)
    show("swipe")
    text = "I want to "
    show("in context")
    classifier.clear()
    show("cleared")
    text = ""
    val positions = points.map { (x, y) -> Position(x.toFloat(), y.toFloat()) }
    classifier.initGestureFromPointerData(PointerData(positions.toMutableList(), time - points.last()[2].toLong()))
    show("at once")
    classifier.setLayout(letters, Subtype(2))
    println("another language: ${classifier.ready}")
    show("nothing")
    println("opened: $opened")
}
