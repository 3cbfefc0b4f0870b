namespace Heed.Tokenizers.Text;

/// <summary>How far the steps of a tokenizer file may lengthen a text: a short file must not be able to demand gigabytes.</summary>
internal static class GrowthLimit
{
    private const long Free = 1 << 20;
    private const int Times = 64;

    /// <summary>Longest text, in UTF-16 units or tokens, that may come of one of <paramref name="length"/>.</summary>
    public static long Of(long length) => Free + (Times * length);

    /// <summary>The error of a text that grew past its limit.</summary>
    /// <param name="place">The file, or the part of it, that made it grow.</param>
    /// <param name="limit">The limit, in <paramref name="unit"/>.</param>
    /// <param name="unit">What is counted.</param>
    public static BudgetException Passed(string place, long limit, string unit = "characters") => new(FormattableString.Invariant(
        $"{place}: lengthens the text to more than {limit} {unit}, {Times} times the text and {Free} beside; remove the step that multiplies the text (Replace, Prepend, a charsmap, a template)."));
}
