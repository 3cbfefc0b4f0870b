using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models;

/// <summary>
/// The real tokens of a batch, one sequence after another, without padding: what runs through a model. It remembers the cell of the
/// padded grid from which each row came, so that results can be put back.
/// </summary>
public sealed class TokenBatch
{
    private TokenBatch(int[] ids, int[]? typeIds, int[] starts, int[] positions, int[] cells, int gridRows, int gridColumns)
    {
        IdArray = ids;
        TypeIdArray = typeIds;
        StartArray = starts;
        PositionArray = positions;
        CellArray = cells;
        GridRows = gridRows;
        GridColumns = gridColumns;
    }

    /// <summary>[N]: ids of the vocabulary.</summary>
    public IReadOnlyList<int> Ids => IdArray;

    internal int[] IdArray { get; }

    /// <summary>[N]: segment of each token (BERT's token types), or null.</summary>
    public IReadOnlyList<int>? TypeIds => TypeIdArray;

    internal int[]? TypeIdArray { get; }

    /// <summary>[B + 1]: first row of each sequence, and N at the end.</summary>
    public IReadOnlyList<int> Starts => StartArray;

    internal int[] StartArray { get; }

    /// <summary>[N]: position of each token.</summary>
    public IReadOnlyList<int> Positions => PositionArray;

    internal int[] PositionArray { get; }

    /// <summary>[N]: index in the padded grid [B, T].</summary>
    public IReadOnlyList<int> Cells => CellArray;

    internal int[] CellArray { get; }

    /// <summary>Where some rows are kept only for a loss over all positions: per sequence the first row and the number of rows that may be
    /// attended to; else null.</summary>
    internal AttendedRows[]? AttendedRows { get; private init; }

    /// <summary>B.</summary>
    public int GridRows { get; }

    /// <summary>T of the padded grid.</summary>
    public int GridColumns { get; }

    /// <summary>N.</summary>
    public int Rows => IdArray.Length;

    /// <summary>Sequences of any lengths; positions count from 0.</summary>
    public static TokenBatch Of(params ReadOnlySpan<int[]> sequences)
    {
        int columns = 0;
        foreach (int[] s in sequences) columns = Math.Max(columns, s.Length);
        int[] starts = new int[sequences.Length + 1];
        for (int b = 0; b < sequences.Length; b++) starts[b + 1] = starts[b] + sequences[b].Length;
        int[] ids = new int[starts[^1]], positions = new int[starts[^1]], cells = new int[starts[^1]];
        for (int b = 0; b < sequences.Length; b++)
        {
            sequences[b].CopyTo(ids, starts[b]);
            for (int t = 0; t < sequences[b].Length; t++)
            {
                positions[starts[b] + t] = t;
                cells[starts[b] + t] = (b * columns) + t;
            }
        }

        return new TokenBatch(ids, null, starts, positions, cells, sequences.Length, columns);
    }

    /// <summary>The attended cells of a padded grid.</summary>
    /// <param name="ids">[B, T].</param>
    /// <param name="mask">[B, T]: 1 for real tokens, 0 for padding; null: all are real.</param>
    /// <param name="positions">[B, T]; null: columns are positions, padding included, as Hugging Face counts.</param>
    /// <param name="typeIds">[B, T] or null.</param>
    /// <exception cref="ArgumentException">The grids differ in size.</exception>
    public static TokenBatch FromGrid(TokenGrid ids, TokenGrid? mask = null, TokenGrid? positions = null, TokenGrid? typeIds = null)
        => OfCells(ids, mask, positions, typeIds, keepPadding: false);

    /// <summary>The attended cells of a padded grid, or all of them: padding then stays as rows that attend but are not attended to
    /// (<see cref="PaddingRows"/>).</summary>
    /// <exception cref="ArgumentException">The grids differ in size, or real tokens are not contiguous where they must be.</exception>
    internal static TokenBatch OfCells(TokenGrid ids, TokenGrid? mask, TokenGrid? positions, TokenGrid? typeIds, bool keepPadding)
    {
        ArgumentNullException.ThrowIfNull(ids);
        int B = ids.Rows, T = ids.Columns;
        foreach ((TokenGrid? grid, string name) in new[] { (mask, nameof(mask)), (positions, nameof(positions)),
            (typeIds, nameof(typeIds)) })
            if (grid is not null && (grid.Rows != B || grid.Columns != T))
                throw new ArgumentException($"'{name}' is [{grid.Rows}, {grid.Columns}]; the ids are [{B}, {T}].", name);

        bool Real(int cell) => mask is null || mask.Cells[cell] != 0;
        List<int> cells = [];
        int[] starts = new int[B + 1];
        AttendedRows[]? attended = keepPadding && mask is not null ? new AttendedRows[B] : null;
        for (int b = 0; b < B; b++)
        {
            int first = -1, last = -1, count = 0;
            for (int t = 0; t < T; t++)
            {
                bool real = Real((b * T) + t);
                if (real)
                {
                    if (first < 0) first = t;
                    last = t;
                    count++;
                }

                if (real || keepPadding) cells.Add((b * T) + t);
            }

            if (attended is not null)
            {
                if (count != 0 && count != last - first + 1)
                    throw new ArgumentException($"Row {b} of 'mask' has padding between real tokens; "
                        + "here they must be contiguous.", nameof(mask));
                attended[b] = new AttendedRows(Math.Max(first, 0), count);
            }

            starts[b + 1] = cells.Count;
        }

        int[] rows = [.. cells];
        return new TokenBatch(
            Array.ConvertAll(rows, c => ids.Cells[c]),
            typeIds is null ? null : Array.ConvertAll(rows, c => typeIds.Cells[c]),
            starts,
            Array.ConvertAll(rows, c => positions is null ? c % T : positions.Cells[c]),
            rows, B, T)
        { AttendedRows = attended };
    }

    /// <summary>The cells of a grid of labels in the order of the rows.</summary>
    /// <exception cref="InputException">Its size is not that of the ids.</exception>
    public int[] Pick(TokenGrid grid)
    {
        ArgumentNullException.ThrowIfNull(grid);
        RequireLabels(grid);
        return Array.ConvertAll(CellArray, c => grid.Cells[c]);
    }

    /// <summary>Refuses labels that do not stand at the tokens.</summary>
    internal void RequireLabels(TokenGrid labels)
    {
        if (labels.Rows != GridRows || labels.Columns != GridColumns)
        {
            throw new InputException(
                $"labels: are [{labels.Rows}, {labels.Columns}] for ids [{GridRows}, {GridColumns}]; one label per id was expected.");
        }
    }

    /// <summary>Row of the first real token of each sequence, [B].</summary>
    /// <exception cref="InputException">A sequence has none.</exception>
    public int[] FirstRows()
    {
        int[] rows = new int[GridRows];
        for (int b = 0; b < rows.Length; b++)
        {
            rows[b] = StartArray[b] + (AttendedRows is { } attended ? attended[b].First : 0);
            if (rows[b] >= StartArray[b + 1]) throw new InputException($"input_ids: row {b} has no real token; a text has at least one.");
        }

        return rows;
    }

    /// <summary>Refuses ids outside the vocabulary and inputs that are too long.</summary>
    internal void Check(ModelConfig config, int vocabulary, int longest)
    {
        for (int n = 0; n < Rows; n++)
        {
            if ((uint)IdArray[n] >= (uint)vocabulary)
            {
                throw new InputException($"input_ids: token {n} has the id {IdArray[n]}; the vocabulary of this {config.ModelType} model "
                    + $"has the ids 0 to {vocabulary - 1}. "
                    + "Use the tokenizer that belongs to the model.");
            }

            if ((uint)PositionArray[n] >= (uint)longest)
                throw new InputException($"input_ids: token {n} is at position {PositionArray[n]}; "
                    + $"this {config.ModelType} model has {longest} positions. Shorten or split the text.");
        }
    }

    /// <summary>The rows of a sequence that may be attended to: first row and number.</summary>
    internal (int Start, int Count) Attended(int b)
        => AttendedRows is { } attended
            ? (StartArray[b] + attended[b].First, attended[b].Count)
            : (StartArray[b], StartArray[b + 1] - StartArray[b]);

    /// <summary>This batch with other positions, [N].</summary>
    public TokenBatch WithPositions(int[] positions)
        => new(IdArray, TypeIdArray, StartArray, positions, CellArray, GridRows, GridColumns) { AttendedRows = AttendedRows };

    /// <summary>The context in which the batch runs through a model.</summary>
    /// <param name="options">How the run goes.</param>
    /// <param name="memory">The encoder's context, or null.</param>
    /// <param name="cache">[B] sequences that the rows continue, or null.</param>
    /// <param name="length">Tokens of the longest text, if it has more than the rows at hand.</param>
    public ForwardContext Context(
        RunOptions? options = null, ForwardContext? memory = null, IReadOnlyList<KeyValueSequence>? cache = null, int length = 0)
        => Make(options, memory, cache, length, null);

    /// <summary>As <see cref="Context"/>, of a run that begins at a later layer.</summary>
    internal ForwardContext Resuming(RunOptions options, ForwardContext? memory, LayerResume? resume)
        => Make(options, memory, null, 0, null, resume);

    internal ForwardContext Gathering(RunOptions options, ForwardContext? memory, Action<Variable> eachLayer)
        => Make(options, memory, null, 0, eachLayer);

    private ForwardContext Make(
        RunOptions? options, ForwardContext? memory, IReadOnlyList<KeyValueSequence>? cache, int length, Action<Variable>? eachLayer,
        LayerResume? resume = null)
        => new(StartArray, PositionArray)
        {
            Resume = resume,
            Length = length,
            EachLayer = eachLayer,
            AttendedRows = AttendedRows,
            Memory = memory,
            Cache = cache,
            Hooks = options?.Hooks,
            Dropout = options?.Dropout,
            Checkpoint = options?.Checkpoint ?? false,
            CancellationToken = options?.CancellationToken ?? default,
        };

    /// <summary>Rows [N, …] put back into the padded grid, [B, T, …]; zeros where there was padding.</summary>
    public Tensor ToGrid(Tensor rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        int[] sizes = rows.Shape.ToArray();
        if (sizes.Length == 0 || sizes[0] != Rows)
            throw new ShapeException("TokenBatch.ToGrid", nameof(rows), rows.Shape, $"[{Rows}, ...]");
        Tensor grid = Tensor.Zeros([GridRows, GridColumns, .. sizes[1..]]);
        int width = Rows == 0 ? 0 : rows.Count / Rows;
        for (int n = 0; n < Rows; n++) rows.Span.Slice(n * width, width).CopyTo(grid.Span[(CellArray[n] * width)..]);
        return grid;
    }
}
