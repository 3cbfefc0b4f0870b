namespace Heed.Training.Data;

/// <summary>One text with a beginning and an end: a file, a line of a JSONL file, a member's documentation.</summary>
/// <param name="Source">File and place, for errors.</param>
/// <param name="Text">Its characters.</param>
public readonly record struct TextDocument(string Source, string Text)
{
    /// <summary>A number that depends on the text alone: FNV-1a, 64 bit, over UTF-16 units. Splits and de-duplication use it.</summary>
    public ulong Hash
    {
        get
        {
            ulong hash = 14695981039346656037;
            foreach (char c in Text) hash = (hash ^ c) * 1099511628211;
            // The low bits of FNV are weak; one multiplication folds the high ones in.
            return (hash ^ (hash >> 32)) * 0x9E3779B97F4A7C15;
        }
    }

    /// <summary>True where the document belongs to the held-out part: decided by its text, so the same text never stands on both
    /// sides.</summary>
    /// <param name="fraction">Part held out, 0 to 1.</param>
    public bool IsHeldOut(double fraction) => Place < fraction;

    /// <summary>Where the text falls between 0 and 1: evenly, and by the text alone.</summary>
    internal double Place => (Hash >> 11) * (1.0 / (1UL << 53));
}
