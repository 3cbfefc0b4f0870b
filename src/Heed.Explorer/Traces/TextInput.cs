using System.Globalization;
using Heed.Generation;
using Heed.Generation.Understanding;
using Heed.Models;
using Heed.Tokenizers;

namespace Heed.Explorer.Traces;

/// <summary>One token of a text.</summary>
/// <param name="Id">Its number in the vocabulary.</param>
/// <param name="Piece">The vocabulary's own spelling, such as <c>Ġcat</c>.</param>
/// <param name="Text">The part of the text that it stands for; of an added token its name.</param>
/// <param name="Start">Where that part begins, in UTF-16 units.</param>
/// <param name="End">Where it ends.</param>
/// <param name="Word">The number of the word that it belongs to; −1 for added tokens.</param>
/// <param name="Special">True for tokens that the text does not hold: begin, end, separator.</param>
internal sealed record TextToken(int Id, string Piece, string Text, int Start, int End, int Word, bool Special);

/// <summary>A text as the model reads it.</summary>
/// <param name="Text">The text.</param>
/// <param name="Tokens">Its tokens, at most as many as the model reads.</param>
/// <param name="Types">Segments, or null.</param>
/// <param name="Cut">Tokens that were left out because the model reads no more.</param>
internal sealed record TextInput(string Text, IReadOnlyList<TextToken> Tokens, int[]? Types, int Cut)
{
    /// <summary>The ids.</summary>
    public int[] Ids => [.. Tokens.Select(t => t.Id)];
}

/// <summary>Reads texts with the folder's tokenizer; without one a text is a list of ids.</summary>
internal sealed class TextInputs
{
    private readonly HeedModel _model;
    private readonly Tokenizer? _tokenizer;

    public TextInputs(HeedModel model)
    {
        _model = model;
        try
        {
            _tokenizer = model.Tokenizer;
        }
        catch (HeedException e)
        {
            Missing = e.Message;
        }
    }

    /// <summary>Why there is no tokenizer; null if there is one.</summary>
    public string? Missing { get; }

    /// <summary>The tokenizer, or null.</summary>
    public Tokenizer? Tokenizer => _tokenizer;

    /// <summary>Reads a text.</summary>
    /// <param name="text">The text, or ids separated by blanks where there is no tokenizer.</param>
    /// <param name="longest">Tokens that are kept.</param>
    /// <param name="decoder">True for what a decoder has written: after the start token, without added tokens.</param>
    /// <exception cref="InputException">Without a tokenizer: a word is no id of the vocabulary.</exception>
    public TextInput Read(string text, int longest, bool decoder = false)
    {
        List<TextToken> tokens = [];
        int[]? types = null;
        if (decoder && StartId is { } start) tokens.Add(new TextToken(start, Piece(start), Piece(start), 0, 0, -1, true));
        if (_tokenizer is null)
        {
            ReadIds(text, tokens);
        }
        else
        {
            TokenEncoding encoding = _tokenizer.Encode(text, addSpecialTokens: !decoder);
            for (int i = 0; i < encoding.Count; i++)
            {
                bool special = encoding.SpecialTokensMask[i] == 1;
                (int from, int to) = (encoding.Starts[i], encoding.Ends[i]);
                string shown = !special && to > from && to <= text.Length ? text[from..to] : Piece(encoding.Ids[i]);
                tokens.Add(new TextToken(encoding.Ids[i], Piece(encoding.Ids[i]), shown, from, to, special ? -1 : encoding.WordIds[i],
                    special));
            }

            bool segments = !decoder && _model.Reading.InputsOf([encoding]).TokenTypeIds is not null;
            if (segments) types = encoding.TypeIdArray[..Math.Min(encoding.Count, longest)];
        }

        int cut = Math.Max(0, tokens.Count - longest);
        return new TextInput(text, cut == 0 ? tokens : tokens[..longest], types, cut);
    }

    /// <summary>The vocabulary's spelling of an id.</summary>
    public string Piece(int id) => _tokenizer?.IdToToken(id) ?? $"#{id.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>An id as text after other text: with the blank that it begins with.</summary>
    public string Shown(int id)
    {
        if (_tokenizer is null) return Piece(id);
        string text = _tokenizer.Decode([id], skipSpecialTokens: false);
        return text.Length == 0 || text.Contains('\uFFFD', StringComparison.Ordinal) ? Piece(id) : text;
    }

    /// <summary>The id before every text that a decoder with an encoder writes.</summary>
    public int? StartId => _model.Model is SequenceToSequenceModel pair ? _model.Generation.DecoderStartId ?? pair.DecoderStartId : null;

    private void ReadIds(string text, List<TextToken> tokens)
    {
        int from = 0, vocabulary = _model.Model.Config.Vocabulary;
        foreach (string word in text.Split(' '))
        {
            if (word.Length > 0)
            {
                if (!int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int id) || id >= vocabulary)
                {
                    throw new InputException($"text: '{Printable.Shorten(word)}' is no id. The folder has no tokenizer, so a text is a "
                        + $"list of ids from 0 to {vocabulary - 1}, separated by blanks: 5 17 9.");
                }

                tokens.Add(new TextToken(id, Piece(id), Piece(id), from, from + word.Length, tokens.Count, false));
            }

            from += word.Length + 1;
        }
    }
}
