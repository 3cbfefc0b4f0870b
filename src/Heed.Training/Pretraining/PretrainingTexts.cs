using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Heed.Training.Data;
using Heed.Training.Runs;

namespace Heed.Training.Pretraining;

/// <summary>The documents of a run and the part of them that is held out.</summary>
/// <param name="Documents">In the order of the sources.</param>
/// <param name="HeldOut">The part held out, as <see cref="TextDocument.IsHeldOut"/> takes it.</param>
internal sealed record PretrainingTexts(IReadOnlyList<TextDocument> Documents, double HeldOut)
{
    /// <summary>The documents that a tokenizer and a model may learn from.</summary>
    public IEnumerable<TextDocument> Training => Documents.Where(d => !d.IsHeldOut(HeldOut));

    /// <summary>Refuses sources that do not exist.</summary>
    /// <exception cref="StorageException">The message names the source.</exception>
    public static void Check(PretrainingConfig config)
    {
        foreach (string source in config.Data)
            if (source != SdkDocumentation.Name) TextFiles.Find(source);
    }

    /// <summary>Reads the documents of a run.</summary>
    /// <exception cref="InputException">There is no text, or it is not acceptable.</exception>
    /// <exception cref="BudgetException">It does not fit into memory.</exception>
    public static PretrainingTexts Read(PretrainingConfig config, TaskPreparation preparation)
    {
        List<TextDocument> documents = [];
        long characters = 0, most = Math.Max(0, config.MemoryBytes - Forecast.BaseBytes) / sizeof(char);
        foreach (string source in config.Data)
        {
            preparation.Report(source == SdkDocumentation.Name ? "reading the .NET SDK's documentation" : $"reading {source}");
            foreach (TextDocument document in source == SdkDocumentation.Name ? ReadSdk() : TextFiles.Read(source, preparation.Warnings))
            {
                preparation.CancellationToken.ThrowIfCancellationRequested();
                string text = document.Text;
                if (config.MaximumCharacters > 0 && characters + text.Length > config.MaximumCharacters) text = Beginning(text, (int)(config.MaximumCharacters - characters));
                if (text.Length > 0) documents.Add(document with { Text = text });
                characters += text.Length;
                if (characters > most) throw TooMuch(document.Source, characters, config);
                if (config.MaximumCharacters > 0 && characters >= config.MaximumCharacters - 1) return Split(documents, config);
            }
        }

        return documents.Count > 0 ? Split(documents, config) : throw new InputException("data: the corpus is empty. Give text files that hold text.");
    }

    /// <summary>What a tokenizer or ids depend on: texts, split, and the size or the tokenizer.</summary>
    /// <param name="made">The size or the tokenizer.</param>
    public string Key(ReadOnlySpan<byte> made)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (TextDocument document in Documents) hash.AppendData(BitConverter.GetBytes(document.Hash));
        hash.AppendData(made);
        hash.AppendData(Encoding.UTF8.GetBytes(HeldOut.ToString("R", CultureInfo.InvariantCulture)));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static PretrainingTexts Split(List<TextDocument> documents, PretrainingConfig config)
    {
        List<TextDocument> passages = TextSplit.Passaged(documents);
        return new PretrainingTexts(passages, TextSplit.Part(passages, config.HeldOut));
    }

    /// <summary>The first characters of a text, never half a surrogate pair.</summary>
    private static string Beginning(string text, int length) => length > 0 && char.IsHighSurrogate(text[length - 1]) ? text[..(length - 1)] : text[..length];

    private static BudgetException TooMuch(string source, long characters, PretrainingConfig config) => new(string.Create(CultureInfo.InvariantCulture,
        $"data: the text up to {source} has {characters:N0} characters, "
        + $"which take {Printable.Bytes(2.0 * characters)} of the run's memory, and {config.MemoryAllowed}. "
        + $"Set maximum_characters, or give less text."));

    private static IEnumerable<TextDocument> ReadSdk()
    {
        IReadOnlyList<string> files = SdkDocumentation.Find();
        if (files.Count == 0)
        {
            throw new InputException("data: this .NET installation carries no documentation (packs/*.Ref/**/*.xml), as a runtime without SDK. "
                + "Name text of your own.");
        }

        return SdkDocumentation.Read(files);
    }
}
