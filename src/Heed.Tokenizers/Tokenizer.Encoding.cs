using System.Collections.Concurrent;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers;

public sealed partial class Tokenizer
{
    private readonly ConcurrentBag<Workspace> _workspaces = [];
    private readonly ConcurrentBag<EncodingBuilder> _builders = [];

    /// <summary>Receives the tokens of one text: offsets in UTF-16 units of the text, the running number of the word.</summary>
    private interface ITokenSink
    {
        void AddAdded(int id, ReadOnlySpan<char> text, int start, int end, int word);

        void AddPiece(NormalizedText text, int origin, TokenList tokens, int word);
    }

    /// <summary>Encodes a text, or a pair of texts.</summary>
    /// <param name="text">The text. A lone surrogate counts as U+FFFD.</param>
    /// <param name="pair">A second text, or null.</param>
    /// <param name="addSpecialTokens">Whether the post-processor adds its special tokens.</param>
    /// <returns>Offsets count UTF-16 units within each text.</returns>
    /// <exception cref="ConfigException">The tokenizer's parts do not fit the text, e.g. truncation is left too few tokens.</exception>
    /// <exception cref="BudgetException">A regular expression of the tokenizer took too many steps.</exception>
    public TokenEncoding Encode(string text, string? pair = null, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Finish(EncodeText(text, 0), pair is null ? null : EncodeText(pair, 1), addSpecialTokens);
    }

    /// <summary>Encodes text that is already split into words; word ids are their indices, offsets count within each word.</summary>
    /// <param name="words">The words.</param>
    /// <param name="pair">The words of a second text, or null.</param>
    /// <param name="addSpecialTokens">Whether the post-processor adds its special tokens.</param>
    public TokenEncoding EncodeWords(IReadOnlyList<string> words, IReadOnlyList<string>? pair = null, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(words);
        return Finish(EncodeWords(words, 0), pair is null ? null : EncodeWords(pair, 1), addSpecialTokens);
    }

    /// <summary>Encodes many texts, on several threads, and pads them to a common length where padding is set.</summary>
    /// <param name="texts">The texts; not null.</param>
    /// <param name="addSpecialTokens">Whether the post-processor adds its special tokens.</param>
    /// <param name="threads">Most threads to use; 0: as many as there are processors. The result does not depend on it.</param>
    public IReadOnlyList<TokenEncoding> EncodeBatch(IReadOnlyList<string> texts, bool addSpecialTokens = true, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(texts);
        return EncodeBatch(texts.Count, i => (EncodeText(texts[i], 0), null), addSpecialTokens, threads);
    }

    /// <summary>Encodes many pairs of texts, see <see cref="EncodeBatch(IReadOnlyList{string}, bool, int)"/>.</summary>
    /// <param name="texts">The first texts.</param>
    /// <param name="pairs">The second text of each.</param>
    /// <param name="addSpecialTokens">Whether the post-processor adds its special tokens.</param>
    /// <param name="threads">Most threads to use; 0: as many as there are processors. The result does not depend on it.</param>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public IReadOnlyList<TokenEncoding> EncodeBatch(IReadOnlyList<string> texts, IReadOnlyList<string> pairs, bool addSpecialTokens = true, int threads = 0)
    {
        RequirePairs(texts, pairs);
        return EncodeBatch(texts.Count, i => (EncodeText(texts[i], 0), EncodeText(pairs[i], 1)), addSpecialTokens, threads);
    }

    internal IReadOnlyList<TokenEncoding> EncodeBatch(IReadOnlyList<(string Text, string Pair)> pairs, bool addSpecialTokens = true, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        return EncodeBatch(pairs.Count, i => (EncodeText(pairs[i].Text, 0), EncodeText(pairs[i].Pair, 1)), addSpecialTokens, threads);
    }

    /// <summary>Encodes many texts that are already split into words, see
    /// <see cref="EncodeWords(IReadOnlyList{string}, IReadOnlyList{string}?, bool)"/>, on several threads.</summary>
    /// <param name="texts">The words of each text; not null.</param>
    /// <param name="addSpecialTokens">Whether the post-processor adds its special tokens.</param>
    /// <param name="threads">Most threads to use; 0: as many as there are processors. The result does not depend on it.</param>
    public IReadOnlyList<TokenEncoding> EncodeWordsBatch(IReadOnlyList<IReadOnlyList<string>> texts, bool addSpecialTokens = true, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(texts);
        return EncodeBatch(texts.Count, i => (EncodeWords(texts[i], 0), null), addSpecialTokens, threads);
    }

    /// <summary>Encodes many pairs of texts that are already split into words, see
    /// <see cref="EncodeWordsBatch(IReadOnlyList{IReadOnlyList{string}}, bool, int)"/>.</summary>
    /// <param name="texts">The words of the first texts.</param>
    /// <param name="pairs">The words of the second text of each.</param>
    /// <param name="addSpecialTokens">Whether the post-processor adds its special tokens.</param>
    /// <param name="threads">Most threads to use; 0: as many as there are processors. The result does not depend on it.</param>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public IReadOnlyList<TokenEncoding> EncodeWordsBatch(
        IReadOnlyList<IReadOnlyList<string>> texts, IReadOnlyList<IReadOnlyList<string>> pairs, bool addSpecialTokens = true, int threads = 0)
    {
        RequirePairs(texts, pairs);
        return EncodeBatch(texts.Count, i => (EncodeWords(texts[i], 0), EncodeWords(pairs[i], 1)), addSpecialTokens, threads);
    }

    internal IReadOnlyList<TokenEncoding> EncodeWordsBatch(
        IReadOnlyList<(IReadOnlyList<string> Words, IReadOnlyList<string> Pair)> pairs, bool addSpecialTokens = true, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        return EncodeBatch(pairs.Count, i => (EncodeWords(pairs[i].Words, 0), EncodeWords(pairs[i].Pair, 1)), addSpecialTokens, threads);
    }

    /// <summary>Appends the ids of a whole text to a list; nothing else is computed, nothing is allocated a token.</summary>
    /// <param name="text">The text.</param>
    /// <param name="ids">Where the ids go.</param>
    /// <param name="addSpecialTokens">Whether the post-processor adds its special tokens.</param>
    /// <returns>Number of ids appended, which is what <see cref="CountTokens"/> says.</returns>
    /// <remarks>
    /// The whole text: <see cref="Truncation"/> and <see cref="Padding"/> are for encodings that go into a model, <see cref="Encode"/>
    /// applies them. Without both, the ids are those of <see cref="Encode"/>.
    /// </remarks>
    public int EncodeToIds(ReadOnlySpan<char> text, List<int> ids, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(ids);
        int before = ids.Count;
        if (!FramesOnce)
        {
            EncodingBuilder whole = Joined(EncodeText(text.ToString(), 0), null, addSpecialTokens, truncate: false);
            ids.AddRange(whole.Ids.AsSpan(0, whole.Count));
            return ids.Count - before;
        }

        SpecialTokenFrame? frame = addSpecialTokens ? Frame : null;
        if (frame is not null) ids.AddRange(frame.First);
        IdSink sink = new(ids);
        Run(text, ref sink);
        if (frame is not null) ids.AddRange(frame.Last);
        return ids.Count - before;
    }

    /// <summary>Number of tokens of a whole text, before <see cref="Truncation"/> and <see cref="Padding"/>: whether it fits a model is
    /// what one counts for.</summary>
    /// <param name="text">The text.</param>
    /// <param name="addSpecialTokens">Whether the post-processor's special tokens count.</param>
    /// <returns>The number of ids that <see cref="EncodeToIds"/> appends.</returns>
    public int CountTokens(ReadOnlySpan<char> text, bool addSpecialTokens = true)
    {
        if (!FramesOnce) return Joined(EncodeText(text.ToString(), 0), null, addSpecialTokens, truncate: false).Count;
        CountSink sink = default;
        Run(text, ref sink);
        return sink.Count + (addSpecialTokens ? Parts.PostProcessor?.AddedTokens(pair: false) ?? 0 : 0);
    }

    /// <summary>Steps that the model took for a text: what tests of the worst case count.</summary>
    internal long CountOperations(string text)
    {
        Workspace workspace = new(Parts.Source);
        CountSink sink = default;
        Run(text, workspace, ref sink);
        return workspace.Tokens.Operations;
    }

    /// <summary>Whether the post-processor puts a single text once between its special tokens; a template may leave it out or repeat
    /// it.</summary>
    private bool FramesOnce => Parts.PostProcessor is not { } processor || processor.FramesOnce;

    private static void RequirePairs<T>(IReadOnlyList<T> texts, IReadOnlyList<T> pairs)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(pairs);
        if (texts.Count != pairs.Count) throw new ArgumentException($"There are {texts.Count} texts and {pairs.Count} second texts; give as many of both.", nameof(pairs));
    }

    /// <summary>Ids of the special tokens before and after a single text.</summary>
    /// <remarks>One reference, written once it is complete: threads that ask first at the same time each make their own, and all are
    /// equal.</remarks>
    internal SpecialTokenFrame Frame => field ??= MakeFrame();

    private SpecialTokenFrame MakeFrame()
    {
        EncodingBuilder probe = new();
        probe.Add(-1, 0, 0, 0, new TokenRun(1, 0, 0, 1, 0, null));
        int[] ids = Joined(probe, null, addSpecialTokens: true, truncate: false).ToEncoding().IdArray;
        int at = Array.IndexOf(ids, -1);
        return new SpecialTokenFrame(ids[..at], ids[(at + 1)..]);
    }

    /// <summary>Ids of the special tokens before and after a single text.</summary>
    internal sealed record SpecialTokenFrame(int[] First, int[] Last);

    /// <summary>Encodes each of many texts or pairs; padding to the longest waits for all of them.</summary>
    private TokenEncoding[] EncodeBatch(int count, Func<int, (EncodingBuilder First, EncodingBuilder? Second)> encode, bool addSpecialTokens, int threads)
    {
        TokenEncoding[] encodings = new TokenEncoding[count];
        if (Parts.Padding is not { Length: null } padding)
        {
            ForEach(count, threads, i =>
            {
                (EncodingBuilder first, EncodingBuilder? second) = encode(i);
                encodings[i] = Finish(first, second, addSpecialTokens);
            });
            return encodings;
        }

        EncodingBuilder[] made = new EncodingBuilder[count];
        ForEach(count, threads, i =>
        {
            (EncodingBuilder first, EncodingBuilder? second) = encode(i);
            made[i] = Joined(first, second, addSpecialTokens);
        });
        int length = PaddedLength(padding, made.Length == 0 ? 0 : made.Max(encoding => encoding.Count));
        ForEach(count, threads, i =>
        {
            made[i].Pad(length, padding);
            encodings[i] = made[i].ToEncoding();
        });
        return encodings;
    }

    /// <summary>Does the work for 0…count − 1 on several threads; where some fails, it is the first in order that is reported, whichever
    /// thread was first.</summary>
    private static void ForEach(int count, int threads, Action<int> work)
    {
        if (threads == 1 || count < 2)
        {
            for (int i = 0; i < count; i++) work(i);
            return;
        }

        bool[] done = new bool[count];
        try
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads <= 0 ? -1 : threads }, i =>
            {
                work(i);
                done[i] = true;
            });
        }
        catch (AggregateException e)
        {
            for (int i = 0; i < count; i++)
                if (!done[i]) work(i);
            throw e.InnerExceptions[0];
        }
    }

    private EncodingBuilder EncodeText(string text, int typeId)
    {
        if (!_builders.TryTake(out EncodingBuilder? builder)) builder = new EncodingBuilder(Parts.Model);
        builder.Source = text;
        BuilderSink sink = new(builder, typeId, -1);
        Run(text, ref sink);
        return builder;
    }

    private EncodingBuilder EncodeWords(IReadOnlyList<string> words, int typeId)
    {
        EncodingBuilder builder = new(Parts.Model) { SourceWords = words };
        for (int i = 0; i < words.Count; i++)
        {
            BuilderSink sink = new(builder, typeId, i);
            Run(words[i], ref sink);
        }

        return builder;
    }

    private TokenEncoding Finish(EncodingBuilder first, EncodingBuilder? second, bool addSpecialTokens)
    {
        EncodingBuilder made = Joined(first, second, addSpecialTokens);
        if (Parts.Padding is { } padding) made.Pad(PaddedLength(padding, made.Count), padding);
        TokenEncoding encoding = made.ToEncoding();
        // The encoding has arrays of its own: the builders serve the next text.
        if (first.TryReset()) _builders.Add(first);
        if (second is not null && second.TryReset()) _builders.Add(second);
        return encoding;
    }

    private static int PaddedLength(PaddingOptions padding, int longest)
    {
        int length = padding.Length ?? longest;
        return padding.MultipleOf is { } multiple && length % multiple > 0 ? length + multiple - (length % multiple) : length;
    }

    /// <summary>Truncates, post-processes and joins the encodings of one or two texts.</summary>
    private EncodingBuilder Joined(EncodingBuilder first, EncodingBuilder? second, bool addSpecialTokens, bool truncate = true)
    {
        if (truncate && Parts.Truncation is { } truncation)
        {
            int added = addSpecialTokens ? Parts.PostProcessor?.AddedTokens(second is not null) ?? 0 : 0;
            // A length that has not even room for the special tokens truncates nothing, as in the reference.
            if (truncation.MaxLength >= added) Text.Truncation.Apply(first, second, truncation, truncation.MaxLength - added, Parts.TruncationPlace);
        }

        List<EncodingBuilder> encodings = second is null ? [first] : [first, second];
        if (Parts.PostProcessor is { } processor)
        {
            for (int i = 0; i < encodings.Count; i++)
            {
                encodings[i].SetSequence(i);
                foreach (EncodingBuilder window in encodings[i].Overflowing) window.SetSequence(i);
                encodings[i].SetTypeIds(i);
            }

            encodings = processor.Process(encodings, addSpecialTokens);
        }
        else if (second is null)
        {
            return first;
        }
        else
        {
            first.SetSequence(0);
            second.SetSequence(1);
        }

        if (encodings.Count == 1) return encodings[0];
        EncodingBuilder joined = new(Parts.Model);
        joined.EnsureRoom(encodings.Sum(encoding => encoding.Count));
        foreach (EncodingBuilder encoding in encodings) joined.Append(encoding);
        return joined;
    }

    private void Run<TSink>(ReadOnlySpan<char> text, ref TSink sink)
        where TSink : struct, ITokenSink
    {
        if (!_workspaces.TryTake(out Workspace? workspace)) workspace = new Workspace(Parts.Source);
        Run(text, workspace, ref sink);
        _workspaces.Add(workspace);
    }

    /// <summary>Added tokens in the raw text, then normalization, then added tokens in the normalized text, then pieces and the
    /// model.</summary>
    private void Run<TSink>(ReadOnlySpan<char> text, Workspace workspace, ref TSink sink)
        where TSink : struct, ITokenSink
    {
        if (text.IsEmpty) return;
        text = CodePoint.WithoutLoneSurrogates(text);
        workspace.Tokens.WantTexts = typeof(TSink) == typeof(BuilderSink);
        int word = 0;
        List<(int Id, int Start, int End)> splits = workspace.RawSplits;
        splits.Clear();
        if (_added.Raw is { } raw) _added.Split(raw, text, splits);
        else splits.Add((-1, 0, text.Length));
        foreach ((int id, int start, int end) in splits)
        {
            if (id >= 0) sink.AddAdded(id, text[start..end], start, end, word++);
            else RunStretch(text[start..end], start, workspace, ref sink, ref word);
        }
    }

    private void RunStretch<TSink>(ReadOnlySpan<char> stretch, int origin, Workspace workspace, ref TSink sink, ref int word)
        where TSink : struct, ITokenSink
    {
        PreTokenizedText whole = workspace.Whole;
        NormalizedText text = whole.Text;
        text.Reset(stretch, origin);
        Parts.Normalizer?.Normalize(text);
        if (text.Length == 0) return;
        if (_added.Normalized is not { } normalized)
        {
            whole.Reset(0, text.Length);
            RunPieces(whole, workspace.Tokens, ref sink, ref word);
            return;
        }

        List<(int Id, int Start, int End)> splits = workspace.NormalizedSplits;
        splits.Clear();
        _added.Split(normalized, text.Span, splits);
        foreach ((int id, int start, int end) in splits)
        {
            if (id >= 0)
            {
                sink.AddAdded(id, text.Span[start..end], text.OriginalStart(start), text.OriginalEnd(end - 1), word++);
                continue;
            }

            PreTokenizedText part = workspace.Stretch;
            part.Text.Reset(text, start, end);
            part.Reset(0, end - start);
            RunPieces(part, workspace.Tokens, ref sink, ref word);
        }
    }

    private void RunPieces<TSink>(PreTokenizedText pieces, TokenList tokens, ref TSink sink, ref int word)
        where TSink : struct, ITokenSink
    {
        Parts.PreTokenizer?.PreTokenize(pieces);
        ReadOnlySpan<char> span = pieces.Text.Span;
        foreach ((int start, int end) in pieces.Pieces)
        {
            tokens.Clear();
            Parts.Model.Tokenize(span[start..end], tokens);
            sink.AddPiece(pieces.Text, start, tokens, word++);
        }
    }

    private readonly struct BuilderSink(EncodingBuilder builder, int typeId, int fixedWord) : ITokenSink
    {
        private readonly TokenRun _like = new(0, typeId, 0, 1, typeId, null);

        public void AddAdded(int id, ReadOnlySpan<char> text, int start, int end, int word)
            => builder.Add(id, start, end, fixedWord >= 0 ? fixedWord : word, _like with { Text = text.ToString() });

        public void AddPiece(NormalizedText text, int origin, TokenList tokens, int word)
        {
            if (fixedWord >= 0) word = fixedWord;
            int count = tokens.Count, at = builder.Count;
            if (tokens.Texts.Count == 0) builder.Reserve(count, _like);
            else ReserveWithTexts(tokens);
            ReadOnlySpan<int> fromIds = tokens.Ids.AsSpan(0, count), fromStarts = tokens.Starts.AsSpan(0, count), fromEnds = tokens.Ends.AsSpan(0, count);
            Span<int> ids = builder.Ids.AsSpan(at, count), starts = builder.Starts.AsSpan(at, count), ends = builder.Ends.AsSpan(at, count);
            builder.WordIds.AsSpan(at, count).Fill(word);
            fromIds.CopyTo(ids);
            for (int i = 0; i < fromStarts.Length; i++)
            {
                int start = origin + fromStarts[i], end = origin + fromEnds[i];
                if (start >= text.Length) start = end = text.Length - 1;
                int from = text.OriginalStart(start);
                starts[i] = from;
                ends[i] = end > start ? text.OriginalEnd(end - 1) : from;
            }
        }

        /// <summary>Some tokens have texts of their own: each of them is a run.</summary>
        private void ReserveWithTexts(TokenList tokens)
        {
            int done = 0;
            foreach ((int index, string value) in tokens.Texts)
            {
                builder.Reserve(index - done, _like);
                builder.Reserve(1, _like with { Text = value });
                done = index + 1;
            }

            builder.Reserve(tokens.Count - done, _like);
        }
    }

    private readonly struct IdSink(List<int> ids) : ITokenSink
    {
        public void AddAdded(int id, ReadOnlySpan<char> text, int start, int end, int word) => ids.Add(id);

        public void AddPiece(NormalizedText text, int origin, TokenList tokens, int word) => ids.AddRange(tokens.Ids.AsSpan(0, tokens.Count));
    }

    private struct CountSink : ITokenSink
    {
        public int Count { get; private set; }

        public void AddAdded(int id, ReadOnlySpan<char> text, int start, int end, int word) => Count++;

        public void AddPiece(NormalizedText text, int origin, TokenList tokens, int word) => Count += tokens.Count;
    }
}
